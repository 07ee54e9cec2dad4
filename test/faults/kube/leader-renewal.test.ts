import { expect } from 'chai'
import { LeaseLost } from '../../../src/kube/client/errors.ts'
import { eventually } from '../../observe/eventually.ts'
import { type CandidateOptions, TestCandidate, untilAborted } from '../../processes/candidate.ts'
import { openCluster, type TestCluster } from '../../processes/cluster.ts'
import { type FaultProxy, startFaultProxy, type When } from '../proxy/proxy.ts'
import { RuleOfOne, writeWhileLeading } from '../proxy/rule-of-one.ts'

// Far enough apart to distinguish them on a busy machine.
const leaseMs = 6000
const renewDeadlineMs = 2000

describe('a leader whose renewals fail', function () {
  this.timeout(60_000)
  let cluster: TestCluster
  let proxy: FaultProxy
  let name: string
  let rule: RuleOfOne
  let candidates: TestCandidate[] = []
  let tests = 0

  before(async () => {
    cluster = await openCluster()
    proxy = await startFaultProxy(cluster)
  })

  after(async () => {
    await proxy.close()
    await cluster.close()
  })

  beforeEach(async () => {
    tests += 1
    name = `lease-${tests}`
    rule = await RuleOfOne.begin(cluster.client, { namespace: cluster.namespace, name })
  })

  afterEach(async () => {
    proxy.clear()
    await Promise.all(candidates.map((candidate) => candidate.stop()))
    candidates = []
    await rule.end()
  })

  /** Starts a process whose Lease requests pass the proxy if `isProxied`; its writes as the leader always bypass it. */
  function join(identity: string, isProxied: boolean, options: Partial<CandidateOptions> = {}): TestCandidate {
    const connection = isProxied ? proxy.connection() : cluster.connection
    const lead = writeWhileLeading(cluster.client, { namespace: cluster.namespace, name }, identity)
    const seat = { connection, namespace: cluster.namespace, name }
    const candidate = new TestCandidate(seat, { identity, leaseMs, renewDeadlineMs, lead, ...options })
    candidates.push(candidate)
    return candidate
  }

  const leases = /\/leases\//
  const unavailable = { kind: 'Status', status: 'Failure', code: 500, reason: 'InternalError', message: 'broken' }
  const faults: [fault: string, begin: (all: When, writes: When) => void][] = [
    ['are cut', (all) => all.cut()],
    ['hang', (all) => all.stall()],
    ['get status code 500', (all) => all.answer(500, unavailable)],
    ['succeed, but their responses are lost', (_, writes) => writes.dropReply()],
    ['get status code 429', (_, writes) => writes.answer(429, unavailable, { 'retry-after': '1' })],
  ]
  for (const [fault, begin] of faults) {
    it(`because they ${fault}, stops before its deadline, and runs for leader again in the same process`, async () => {
      const leader = join('a', true)
      await eventually(() => rule.writesBy('a') > 10)
      const other = join('b', false)
      await eventually(() => other.requests.length > 2)
      const brokenAt = performance.now()
      begin(proxy.when({ path: leases }), proxy.when({ path: leases, method: 'PUT' }))
      for (const leadership of leader.terms) await untilAborted(leadership)
      expect(performance.now() - brokenAt).to.be.below(leaseMs)
      expect([leader.isLeader, other.isLeader]).to.deep.equal([false, false])
      expect(() => leader.terms[0]?.guard.check()).to.throw(LeaseLost)
      proxy.clear()
      await eventually(() => other.isLeader || leader.terms.length === 2, { withinMs: 2 * leaseMs })
      await other.stop()
      await eventually(() => leader.isLeader && leader.terms.length >= 2)
      const written = rule.writesBy('a')
      await eventually(() => rule.writesBy('a') > written + 5)
      expect(rule.violations()).to.deep.equal([])
    })
  }

  it('now and then, or are slow, continues undisturbed', async () => {
    // One renewal hangs until its limit, half of the deadline: the next, a slow one, needs time, too.
    const leader = join('a', true, { leaseMs: 8000, renewDeadlineMs: 5000 })
    await eventually(() => leader.isLeader)
    const begun = leader.requests.length
    proxy.when({ path: leases, method: 'PUT', nth: 1 }).cut()
    proxy.when({ path: leases, method: 'PUT', nth: 3 }).dropReply()
    proxy.when({ path: leases, method: 'PUT', nth: 6 }).stall()
    proxy.when({ path: leases, method: 'PUT' }).delay(150)
    await eventually(() => leader.requests.length > begun + 14, { withinMs: 20_000 })
    expect(leader.terms).to.have.length(1)
    expect(leader.isLeader).to.equal(true)
    expect(rule.holders()).to.deep.equal(['a'])
  })

  it('releases the Lease on stopping although a renewal that it aborted succeeds meanwhile', async () => {
    const leader = join('a', true)
    await eventually(() => leader.isLeader)
    const renewal = proxy.when({ path: leases, method: 'PUT', nth: 1 }).delay(150)
    proxy.when({ path: leases, method: 'PUT', nth: 2 }).delay(500) // the release, which comes after it then
    await eventually(() => renewal.hits === 1)
    await leader.stop()
    await eventually(() => rule.holder === '')
    expect(leader.complaints).to.deep.equal([])
  })
})
