import { expect } from 'chai'
import { LeaseLost } from '../../../src/kube/client/errors.ts'
import type { Leadership } from '../../../src/kube/election/leader-election.ts'
import { type Lease, leases } from '../../../src/kube/election/lease.ts'
import { type Clock, sleepOn, systemClock } from '../../../src/kube/runtime/clock.ts'
import { configMaps, newConfigMap } from '../../objects/config-maps.ts'
import { eventually } from '../../observe/eventually.ts'
import { type CandidateOptions, TestCandidate, untilAborted } from '../../processes/candidate.ts'
import { openCluster, type TestCluster } from '../../processes/cluster.ts'
import { command } from '../../processes/command.ts'

const never = new AbortController().signal

describe('leader election on a Lease', () => {
  let cluster: TestCluster
  let name: string
  let candidates: TestCandidate[] = []
  let tests = 0

  before(async () => {
    cluster = await openCluster()
  })

  after(() => cluster.close())

  beforeEach(() => {
    tests += 1
    name = `lease-${tests}`
  })

  afterEach(async () => {
    await Promise.all(candidates.map((candidate) => candidate.stop()))
    candidates = []
  })

  function join(options: CandidateOptions): TestCandidate {
    const candidate = new TestCandidate({ ...cluster, name }, options)
    candidates.push(candidate)
    return candidate
  }

  const lease = (): Promise<Lease> => cluster.client.get(leases, { namespace: cluster.namespace, name }, never)
  const holder = async (): Promise<string | undefined> => (await lease()).spec?.holderIdentity
  const leading = (candidate: TestCandidate): Promise<true> => eventually(() => candidate.isLeader)

  async function elected(options: CandidateOptions): Promise<TestCandidate> {
    const candidate = join(options)
    await leading(candidate)
    return candidate
  }

  it('writes the Lease as kubectl expects it', async () => {
    await elected({ identity: 'a', leaseMs: 15_000 })
    const { spec } = await lease()
    expect(spec).to.include({ holderIdentity: 'a', leaseDurationSeconds: 15, leaseTransitions: 0 })
    const microTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/
    expect(spec?.acquireTime).to.match(microTime)
    expect(spec?.renewTime).to.match(microTime)
    const inNamespace = ['--kubeconfig', cluster.kubeconfig, '-n', cluster.namespace]
    expect(await command('kubectl', ...inNamespace, 'get', 'lease', name)).to.match(/^NAME +HOLDER +AGE\n\S+ +a +\d+s$/)
    expect(await command('kubectl', ...inNamespace, 'describe', 'lease', name)).to.match(/Holder Identity: +a\n/)
  })

  it('elects exactly one of several that start together, without warnings of the others', async () => {
    const three = ['a', 'b', 'c'].map((identity) => join({ identity }))
    await eventually(() => three.some(({ isLeader }) => isLeader))
    const rounds = (): number => Math.min(...three.map(({ requests }) => requests.length))
    await eventually(() => rounds() >= 10)
    expect(three.filter(({ isLeader }) => isLeader)).to.have.length(1)
    expect(three.flatMap(({ terms }) => terms)).to.have.length(1)
    expect(three.flatMap(({ complaints }) => complaints)).to.deep.equal([])
  })

  it('sends only renewals while it leads, and only reads while it does not', async () => {
    const leader = await elected({ identity: 'a' })
    const other = join({ identity: 'b' })
    const renewals = leader.requests.length
    await eventually(() => leader.requests.length >= renewals + 8 && other.requests.length >= 8)
    const kinds = (candidate: TestCandidate, from: number): string[] => [
      ...new Set(candidate.requests.slice(from).map(({ verb, resource, code }) => `${verb} ${resource} ${code}`)),
    ]
    expect(kinds(leader, renewals)).to.deep.equal(['update leases 200'])
    expect(kinds(other, 0)).to.deep.equal(['get leases 200'])
  })

  it('hands over at once when it stops: the other does not wait for the expiry of the Lease', async () => {
    const first = await elected({ identity: 'a', leaseMs: 60_000 })
    const second = join({ identity: 'b', leaseMs: 60_000 })
    await eventually(() => second.requests.length > 2)
    await first.stop()
    await eventually(() => second.isLeader)
    expect((await lease()).spec).to.include({ holderIdentity: 'b', leaseTransitions: 1 })
  })

  it('aborts the work and awaits its end before it releases the Lease', async () => {
    const order: string[] = []
    const first = await elected({
      identity: 'a',
      async lead(leadership) {
        await untilAborted(leadership)
        order.push(`aborted, held by ${await holder()}`)
        leadership.guard.check() // open work may still be finished
        await cluster.client.guarded(leadership.guard).create(configMaps, newConfigMap(cluster.namespace, name), never)
        order.push(`ended, held by ${await holder()}`)
      },
    })
    await first.stop()
    order.push(`released, held by ${await holder()}`)
    expect(order).to.deep.equal(['aborted, held by a', 'ended, held by a', 'released, held by '])
  })

  it('rejects every request under the guard once the leadership has ended', async () => {
    const candidate = await elected({ identity: 'a' })
    await candidate.stop()
    const [leadership] = candidate.terms
    expect(() => leadership?.guard.check()).to.throw(LeaseLost)
    expect(leadership?.guard.signal.aborted).to.equal(true)
    expect(candidate.isLeader).to.equal(false)
  })

  it('takes over when the leader has not renewed for the whole duration, and not before', async () => {
    const spec = { holderIdentity: 'gone', leaseDurationSeconds: 2, leaseTransitions: 4 }
    const metadata = { name, namespace: cluster.namespace }
    await cluster.client.create(leases, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec }, never)
    const begun = performance.now()
    // Its own lease duration is a minute.
    await elected({ identity: 'a', leaseMs: 60_000 })
    expect(performance.now() - begun).to.be.at.least(2000)
    expect((await lease()).spec).to.include({ holderIdentity: 'a', leaseTransitions: 5 })
  })

  it('stops at the next renewal after another process took the Lease by force', async () => {
    const candidate = await elected({ identity: 'a' })
    const patch = { spec: { holderIdentity: 'usurper' } }
    await cluster.client.patchMerge(leases, { namespace: cluster.namespace, name }, patch, never)
    await eventually(() => candidate.terms[0]?.signal.aborted)
    expect(() => candidate.terms[0]?.guard.check()).to.throw(LeaseLost, 'usurper')
    expect(await holder()).to.equal('usurper')
  })

  it('continues when the Lease is edited or deleted, and no other becomes leader', async () => {
    const leader = await elected({ identity: 'a' })
    const other = join({ identity: 'b' })
    await eventually(() => other.requests.length > 2)
    const key = { namespace: cluster.namespace, name }
    const labels = { team: 'ci' }
    const { uid } = (await cluster.client.patchMerge(leases, key, { metadata: { labels } }, never)).metadata
    await renewed(leader)
    expect((await lease()).metadata.labels).to.deep.equal(labels)
    await cluster.client.delete(leases, key, {}, never)
    await eventually(async () => (await lease()).metadata.uid !== uid)
    await renewed(leader)
    expect(await holder()).to.equal('a')
    expect([leader.terms.length, other.terms.length]).to.deep.equal([1, 0])
    expect([...leader.complaints, ...other.complaints]).to.deep.equal([])
  })

  async function renewed(candidate: TestCandidate): Promise<void> {
    const good = (): number => candidate.requests.filter(({ verb, code }) => verb === 'update' && code === 200).length
    const before = good()
    await eventually(() => good() >= before + 2)
  }

  it('survives work that fails or returns early: releases the Lease, backs off, and runs for leader again', async () => {
    const ends: (() => Promise<void>)[] = [
      () => Promise.reject(new Error('broken')),
      () => {
        throw new Error('broken before its first await')
      },
      () => Promise.resolve(),
    ]
    const begunAt: number[] = []
    const lead = (leadership: Leadership): Promise<void> =>
      ends[begunAt.push(performance.now()) - 1]?.() ?? untilAborted(leadership)
    const candidate = join({ identity: 'a', retryMs: 200, lead })
    await eventually(() => candidate.terms.length === 4 && candidate.isLeader)
    expect(candidate.complaints).to.deep.equal([
      'the leader failed',
      'the leader failed',
      'the leader returned before its leadership ended',
    ])
    expect((await lease()).spec?.leaseTransitions).to.equal(3) // it was released in between
    const pauses = begunAt.slice(1).map((at, index) => at - (begunAt[index] ?? 0))
    expect(Math.min(...pauses)).to.be.at.least(200)
  })

  it('ignores jumps of the wall clock, on either side', async () => {
    const [ahead, behind] = [jumpingClock(3_600_000), jumpingClock(-3_600_000)]
    const leader = await elected({ identity: 'a', clock: ahead, leaseMs: 60_000 })
    const other = join({ identity: 'b', clock: behind })
    await eventually(() => other.requests.length > 2)
    for (let jump = 0; jump < 4; jump += 1) {
      ahead.jump(jump % 2 === 0 ? -7_200_000 : 7_200_000)
      behind.jump(jump % 2 === 0 ? 7_200_000 : -7_200_000)
      await renewed(leader)
      expect([leader.isLeader, other.isLeader]).to.deep.equal([true, false])
    }
    expect([leader.terms.length, other.terms.length]).to.deep.equal([1, 0])
    await leader.stop()
    await eventually(() => other.isLeader)
  })

  it('keeps retrying with back-off while it has no right to Leases, and never rejects', async () => {
    const { connection } = cluster
    const nobody = {
      ...connection,
      credentials: async () => ({ ...(await connection.credentials()), headers: impersonated }),
    }
    const candidate = new TestCandidate({ connection: nobody, namespace: cluster.namespace, name }, { identity: 'a' })
    candidates.push(candidate)
    await eventually(() => candidate.complaints.length >= 3)
    expect(new Set(candidate.complaints)).to.deep.equal(new Set(['cannot acquire the lease']))
    expect(candidate.requests.map(({ code }) => code)).to.include(403)
    const waits = candidate.log.lines.map((line) => Number(line['againInMs']))
    expect(Math.min(...waits)).to.be.at.least(250)
    expect(candidate.isLeader).to.equal(false)
  })

  it('ends at once when it is stopped before it started', async () => {
    const candidate = join({ identity: 'a' })
    await candidate.stop()
    expect(candidate.terms).to.have.length(0)
  })
})

/** Credentials of an administrator that impersonate a user without rights. */
const impersonated = { 'impersonate-user': 'nobody' }

function jumpingClock(offsetMs: number): Clock & { jump: (ms: number) => void } {
  let offset = offsetMs
  return {
    ...systemClock,
    now: () => new Date(Date.now() + offset),
    sleep: (delayMs, signal) => sleepOn(systemClock, delayMs, signal),
    jump(ms) {
      offset += ms
    },
  }
}
