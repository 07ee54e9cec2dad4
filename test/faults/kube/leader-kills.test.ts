import { expect } from 'chai'
import type { Leadership } from '../../../src/kube/election/leader-election.ts'
import { leases } from '../../../src/kube/election/lease.ts'
import { eventually } from '../../observe/eventually.ts'
import { TestCandidate } from '../../processes/candidate.ts'
import { openCluster, type TestCluster } from '../../processes/cluster.ts'
import { CandidateProcess } from '../leaders/candidate-process.ts'
import { RuleOfOne, writeWhileLeading } from '../proxy/rule-of-one.ts'
import type { Match } from '../proxy/rules.ts'

// A process that is stopped while twelve start still has its Lease then.
const leaseMs = 6000
const forever = new AbortController().signal
const creates: Match = { method: 'POST', path: /\/leases/, times: 1 }
const replaces: Match = { method: 'PUT', path: /\/leases\//, times: 1 }

/** A write of a Lease: the holders until then, and the one that it makes. */
interface Write {
  match: Match
  holders: string[]
  made: string
  /** Leads to the write, after the holder has renewed its Lease. */
  terminates?: true
}

const writes: Record<string, Write> = {
  'creates its Lease': { match: creates, holders: [], made: 'a' },
  'takes over a Lease': { match: replaces, holders: ['dead'], made: 'a' },
  'renews its Lease': { match: replaces, holders: ['a'], made: 'a' },
  'releases its Lease': { match: replaces, holders: ['a'], made: '', terminates: true },
}

const NEVER_SENT = 'before the API server has it'

/** When the process is killed; resolves once it has been. */
const moments: Record<string, (victim: CandidateProcess, match: Match) => Promise<void>> = {
  [NEVER_SENT]: async (victim, match) => {
    const held = victim.proxy.when(match).swallow()
    await eventually(() => held.hits > 0)
    victim.signal('SIGKILL')
  },
  'before the response': async (victim, match) => {
    const processed = victim.proxy.when(match).rewrite((text) => {
      victim.signal('SIGKILL')
      return text
    })
    await eventually(() => processed.hits > 0)
  },
  'after the response': async (victim, match) => {
    const passed = victim.proxy.when(match).afterwards(() => victim.signal('SIGKILL'))
    await eventually(() => passed.hits > 0)
  },
}

describe('a process that is killed while it', function () {
  this.timeout(120_000)
  let cluster: TestCluster

  before(async () => {
    cluster = await openCluster()
  })
  after(() => cluster.close())

  /** Kills the process at the write; then another one leads in time, and both have kept the rule. */
  async function isReplaced(name: string, write: Write, kill: (typeof moments)[string]): Promise<string[]> {
    const rule = await RuleOfOne.begin(cluster.client, { namespace: cluster.namespace, name })
    if (write.holders.includes('dead')) await holdDead(name)
    const victim = await CandidateProcess.begin(cluster, { name, identity: 'a', leaseMs })
    try {
      if (write.terminates === true) await untilItRenews(victim)
      const killed = kill(victim, write.match)
      if (write.terminates === true) victim.signal('SIGTERM')
      await killed
      return await leadsInTime(name, rule)
    } finally {
      await victim.kill()
      await rule.end()
    }
  }

  /** Another candidate leads, and writes, within the Lease and a moment. Returns the holders until then. */
  async function leadsInTime(name: string, rule: RuleOfOne): Promise<string[]> {
    const [joinedAt, key] = [performance.now(), { namespace: cluster.namespace, name }]
    let ledAt = 0
    const lead = (term: Leadership): Promise<void> => {
      ledAt = performance.now()
      return writeWhileLeading(cluster.client, key, 'b')(term)
    }
    const other = new TestCandidate({ connection: cluster.connection, ...key }, { identity: 'b', leaseMs, lead })
    try {
      await eventually(() => rule.writesBy('b') > 10, { withinMs: 4 * leaseMs })
      expect(ledAt - joinedAt, 'milliseconds without a leader').to.be.below(leaseMs + 2000)
      expect(rule.violations()).to.deep.equal([])
      return rule.holders()
    } finally {
      await other.stop()
    }
  }

  /** A Lease whose holder is gone for good. */
  async function holdDead(name: string): Promise<void> {
    const metadata = { name, namespace: cluster.namespace }
    const spec = { holderIdentity: 'dead', leaseDurationSeconds: 1 }
    await cluster.client.create(
      leases,
      { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec },
      forever,
    )
  }

  /** Resolves just after a renewal: the next one is far enough away. */
  async function untilItRenews({ proxy }: CandidateProcess): Promise<void> {
    await eventually(() => proxy.seen(replaces).some(({ status }) => status === 200), { withinMs: 20_000 })
  }

  // All at once: most of the time is spent waiting.
  const results = new Map<string, Promise<string[]>>()

  before(() => {
    for (const [what, write] of Object.entries(writes)) {
      for (const [when, kill] of Object.entries(moments)) {
        const result = isReplaced(`killed-${results.size}`, write, kill)
        result.catch(() => {}) // its own test fails
        results.set(`${what} ${when}`, result)
      }
    }
  })

  for (const [what, { holders, made }] of Object.entries(writes)) {
    for (const when of Object.keys(moments)) {
      it(`${what} is replaced, and no two lead at once: ${when}`, async () => {
        const until = when === NEVER_SENT ? holders : [...holders, made]
        const expected = [...until, 'b'].filter((holder, index, all) => holder !== all[index - 1])
        expect(await results.get(`${what} ${when}`)).to.deep.equal(expected)
      })
    }
  }
})
