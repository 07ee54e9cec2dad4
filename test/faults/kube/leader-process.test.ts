import { expect } from 'chai'
import { eventually } from '../../observe/eventually.ts'
import { openCluster, type TestCluster } from '../../processes/cluster.ts'
import { CandidateProcess } from '../leaders/candidate-process.ts'
import { RuleOfOne } from '../proxy/rule-of-one.ts'

const leaseMs = 3000

describe('leaders in separate processes', function () {
  this.timeout(120_000)
  let cluster: TestCluster
  let name: string
  let rule: RuleOfOne
  let running: CandidateProcess[] = []
  let tests = 0

  before(async () => {
    cluster = await openCluster()
  })

  after(() => cluster.close())

  beforeEach(async () => {
    tests += 1
    name = `one-${tests}`
    rule = await RuleOfOne.begin(cluster.client, { namespace: cluster.namespace, name })
  })

  afterEach(async () => {
    await Promise.all(running.map((candidate) => candidate.kill()))
    running = []
    await rule.end()
  })

  async function start(identity: string, lease: number): Promise<CandidateProcess> {
    const candidate = await CandidateProcess.start(cluster, { name, identity, leaseMs: lease })
    running.push(candidate)
    return candidate
  }

  /** Resolves once the first leads and writes, and the second has observed its Lease. */
  async function leaderAndOther(lease = leaseMs): Promise<[CandidateProcess, CandidateProcess]> {
    const [leader, other] = await Promise.all([start('a', lease), start('b', lease)])
    await eventually(() => rule.writesBy(rule.holder) > 10)
    const haveAsked = () => leader.proxy.requests.length > 5 && other.proxy.requests.length > 5
    await eventually(haveAsked, { withinMs: 4 * lease })
    return rule.holder === 'a' ? [leader, other] : [other, leader]
  }

  async function takesOver(candidate: CandidateProcess): Promise<void> {
    const before = rule.writesBy(candidate.identity)
    await eventually(() => rule.holder === candidate.identity && rule.writesBy(candidate.identity) > before)
  }

  it('a leader that is paused for 8 s starts no request after the other took over, and runs for leader again', async () => {
    const [leader, other] = await leaderAndOther()
    const stoppedAt = performance.now()
    leader.signal('SIGSTOP')
    await takesOver(other)
    const tookOverAt = other.tookLeaseAt(stoppedAt)
    await eventually(() => performance.now() - stoppedAt >= 8000, { what: '8 s to pass' })
    leader.signal('SIGCONT')
    await eventually(() => leader.since(stoppedAt + 8000).length > 5, { what: 'it to look at the Lease again' })
    const begun = leader.since(tookOverAt).map(({ method, path }) => `${method} ${path}`)
    expect([...new Set(begun)], `holders: ${rule.holders().join(', ')}`).to.deep.equal([`GET ${leasePath()}`])
    expect(rule.violations()).to.deep.equal([])
    other.signal('SIGKILL')
    await takesOver(leader)
    expect(rule.violations()).to.deep.equal([])
    expect(rule.holders()).to.deep.equal([leader.identity, other.identity, leader.identity])
  })

  it('a leader whose event loop is blocked for 5 s starts no request either', async () => {
    const [leader, other] = await leaderAndOther()
    const blockedAt = performance.now()
    leader.signal('SIGUSR2')
    await takesOver(other)
    const tookOverAt = other.tookLeaseAt(blockedAt)
    await eventually(() => leader.since(blockedAt + 5000).length > 5, { withinMs: 20_000 })
    const begun = leader.since(tookOverAt).map(({ method, path }) => `${method} ${path}`)
    expect([...new Set(begun)], `holders: ${rule.holders().join(', ')}`).to.deep.equal([`GET ${leasePath()}`])
    expect(rule.violations()).to.deep.equal([])
  })

  it('pausing and resuming in short turns never makes two write at once', async () => {
    const pair = await leaderAndOther()
    for (let turn = 0; turn < 6; turn += 1) {
      const previous = rule.holder
      const leader = pair.find(({ identity }) => identity === previous)
      leader?.signal('SIGSTOP')
      await eventually(() => rule.holder !== previous)
      leader?.signal('SIGCONT')
    }
    expect(rule.violations()).to.deep.equal([])
    expect(rule.holders()).to.have.length.at.least(7)
  })

  it('a killed leader is replaced within its lease and a moment', async () => {
    const [leader, other] = await leaderAndOther()
    const killedAt = performance.now()
    leader.signal('SIGKILL')
    await takesOver(other)
    expect(other.tookLeaseAt(killedAt) - killedAt).to.be.within(leaseMs / 3, 3 * leaseMs)
    expect(rule.violations()).to.deep.equal([])
  })

  it('SIGTERM hands over at once and ends the process', async () => {
    const lease = 4 * leaseMs
    const [leader, other] = await leaderAndOther(lease)
    const stoppedAt = performance.now()
    leader.signal('SIGTERM')
    expect(await leader.exitCode()).to.equal(0)
    await takesOver(other)
    expect(other.tookLeaseAt(stoppedAt) - stoppedAt).to.be.below(lease / 2)
    expect(rule.violations()).to.deep.equal([])
    expect(rule.holders()).to.deep.equal([leader.identity, '', other.identity])
  })

  function leasePath(): string {
    return `/apis/coordination.k8s.io/v1/namespaces/${cluster.namespace}/leases/${name}`
  }
})
