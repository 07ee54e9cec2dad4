import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect } from 'chai'
import { eventually } from '../../observe/eventually.ts'
import { bundled } from '../../processes/bundled.ts'
import { openCluster, type TestCluster } from '../../processes/cluster.ts'
import type { LeaderOptions } from '../leader-program.ts'
import { type FaultProxy, startFaultProxy } from '../proxy/proxy.ts'
import { RuleOfOne } from '../proxy/rule-of-one.ts'
import type { SeenRequest } from '../proxy/rules.ts'

const leaseMs = 3000

describe('leaders in separate processes', function () {
  this.timeout(120_000)
  let cluster: TestCluster
  let name: string
  let rule: RuleOfOne
  let running: Candidate[] = []
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

  async function start(identity: string, lease: number): Promise<Candidate> {
    const proxy = await startFaultProxy(cluster)
    const options: LeaderOptions = {
      server: proxy.url.href,
      ca: proxy.ca,
      namespace: cluster.namespace,
      name,
      identity,
      leaseMs: lease,
    }
    // Standard input stays open for as long as the test lives: the process ends with it.
    const command = [await bundled('test/faults/leader-program.ts'), JSON.stringify(options)]
    const child = spawn(process.execPath, command, { stdio: ['pipe', 'pipe', 'inherit'] })
    const candidate = new Candidate(identity, proxy, child)
    running.push(candidate)
    // However long its start takes: the waits of the tests begin after it.
    const ended = once(child, 'exit').then(() => Promise.reject(new Error(`${identity} ended at its start`)))
    await Promise.race([once(child.stdout, 'data'), ended])
    return candidate
  }

  /** Resolves once the first leads and writes, and the second has observed its Lease. */
  async function leaderAndOther(lease = leaseMs): Promise<[Candidate, Candidate]> {
    const [leader, other] = await Promise.all([start('a', lease), start('b', lease)])
    await eventually(() => rule.writesBy(rule.holder) > 10)
    const haveAsked = () => leader.proxy.requests.length > 5 && other.proxy.requests.length > 5
    await eventually(haveAsked, { withinMs: 4 * lease })
    return rule.holder === 'a' ? [leader, other] : [other, leader]
  }

  async function takesOver(candidate: Candidate): Promise<void> {
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
    expect(new Set(begun)).to.deep.equal(new Set([`GET ${leasePath()}`]))
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
    expect(new Set(begun)).to.deep.equal(new Set([`GET ${leasePath()}`]))
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

class Candidate {
  readonly identity: string
  readonly proxy: FaultProxy
  readonly #process: ChildProcess
  readonly #exited: Promise<unknown>

  constructor(identity: string, proxy: FaultProxy, child: ChildProcess) {
    this.identity = identity
    this.proxy = proxy
    this.#process = child
    this.#exited = once(child, 'exit')
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }

  since(at: number): SeenRequest[] {
    return this.proxy.requests.filter((request) => request.at >= at)
  }

  /** When its first successful write of the Lease after this time arrived. */
  tookLeaseAt(after: number): number {
    const write = this.since(after).find(({ method, path, status }) => {
      return method === 'PUT' && path.includes('/leases/') && status === 200
    })
    if (write === undefined) throw new Error(`${this.identity} has not taken the Lease`)
    return write.at
  }

  async exitCode(): Promise<number | null> {
    await this.#exited
    return this.#process.exitCode
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL')
    await this.#exited
    await this.proxy.close()
  }
}
