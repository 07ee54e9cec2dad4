import { expect } from 'chai'
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
/** Twelve processes start at once, on a busy machine. */
const long = { withinMs: 60_000 }
const creates: Match = { method: 'POST', path: /\/leases/ }
const replaces: Match = { method: 'PUT', path: /\/leases\// }

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
    await eventually(() => held.hits > 0, long)
    victim.signal('SIGKILL')
  },
  // On a busy machine the process may give a request up and send it again: the first that goes through counts.
  'before the response': async (victim, match) => {
    victim.proxy.when(match).rewrite((text) => {
      victim.signal('SIGKILL')
      return text
    })
    await victim.exitCode()
  },
  'after the response': async (victim, match) => {
    victim.proxy.when(match).afterwards(() => victim.signal('SIGKILL'))
    await victim.exitCode()
  },
}

describe('a process that is killed while it', function () {
  this.timeout(120_000)
  let cluster: TestCluster

  before(async () => {
    cluster = await openCluster()
  })
  after(() => cluster.close())

  /** Kills the process at the write; then another one leads, and both have kept the rule. */
  async function isReplaced(name: string, write: Write, kill: (typeof moments)[string]): Promise<string[]> {
    const rule = await RuleOfOne.begin(cluster.client, { namespace: cluster.namespace, name })
    if (write.holders.includes('dead')) await holdDead(name)
    const victim = await CandidateProcess.begin(cluster, { name, identity: 'a', leaseMs, workers: 1 })
    try {
      if (write.terminates === true) await untilItRenews(victim)
      const killed = kill(victim, write.match)
      if (write.terminates === true) victim.signal('SIGTERM')
      await killed
      return await othersLead(name, rule)
    } finally {
      await victim.kill()
      await rule.end()
    }
  }

  /** Another candidate leads, and writes. Returns the holders until then. */
  async function othersLead(name: string, rule: RuleOfOne): Promise<string[]> {
    const key = { namespace: cluster.namespace, name }
    const lead = writeWhileLeading(cluster.client, key, 'b', 1)
    const other = new TestCandidate({ connection: cluster.connection, ...key }, { identity: 'b', leaseMs, lead })
    try {
      await eventually(() => rule.writesBy('b') > 5, long)
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
    await eventually(() => proxy.seen(replaces).some(({ status }) => status === 200), long)
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
