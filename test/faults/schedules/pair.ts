import { leases } from '../../../src/kube/election/lease.ts'
import type { Operator } from '../../processes/operator.ts'
import { openSite, type Site } from '../../site/site.ts'
import { type FaultProxy, startFaultProxy } from '../proxy/proxy.ts'
import { type Replica, replicas } from './schedule.ts'
import { workers } from './workers.ts'

const LEASE = 'runnerhub'
/** How long the start of an operator may take on a busy machine. */
const START_MS = 90_000
/** A log may take as long as the faults last. */
const env = { LOG_ARCHIVE: 'cluster', LOG_CAPTURE_SECONDS: '120' }

export interface PairSettings {
  /** Of each pool. */
  maxRunners: number
  leaseSeconds: number
}

/** Two operators of one site, each behind its own fault proxy, which can be killed and started again. */
export class Pair {
  readonly site: Site
  readonly proxies: Readonly<Record<Replica, FaultProxy>>
  readonly #operators = new Map<Replica, Operator>()
  /** Those whose end this pair caused. */
  readonly #ended = new Set<Operator>()
  /** All that ever ran. */
  readonly #all: Operator[] = []
  #isApiServerDown = false
  readonly #leaseSeconds: number

  constructor(site: Site, proxies: Record<Replica, FaultProxy>, leaseSeconds: number) {
    this.site = site
    this.#leaseSeconds = leaseSeconds
    this.proxies = proxies
  }

  /** Opens a site with pools, and waits until both operators are ready. */
  static async open(settings: PairSettings): Promise<Pair> {
    const site = await openSite()
    const { controlPlane } = site.plane
    const [first, second] = await Promise.all([startFaultProxy(controlPlane), startFaultProxy(controlPlane)])
    const pair = new Pair(site, { first, second }, settings.leaseSeconds)
    try {
      await pair.#begin(settings.maxRunners)
      return pair
    } catch (error) {
      await pair.close()
      throw error
    }
  }

  async #begin(maxRunners: number): Promise<void> {
    // No pod's time ends within a trial: its deletion would be a write while idle.
    const kept = { maxRunners, finishedPodTTLSeconds: 86_400 }
    await this.site.createPool('default', kept)
    await this.site.createPool('workers', { ...kept, ...workers })
    // The first leads at the beginning, so that a seed means the same each time.
    await this.start('first')
    await this.operator('first')?.leads(0, START_MS)
    await this.start('second')
    await this.operator('second')?.ready(START_MS)
  }

  operator(replica: Replica): Operator | undefined {
    return this.#operators.get(replica)
  }

  /** Starts an operator under the identity of a replica, without waiting for it. */
  async start(replica: Replica): Promise<void> {
    const proxy = this.proxies[replica]
    const operator = await this.site.operator(
      { proxy, identity: replica, env: { ...env, LEASE_SECONDS: String(this.#leaseSeconds) } },
      { waits: false },
    )
    this.#operators.set(replica, operator)
    this.#all.push(operator)
  }

  /** The running replica that holds the Lease, or else the first that runs. */
  async leader(): Promise<Replica | undefined> {
    const lease = await this.site.get(leases, LEASE).catch(() => undefined)
    const running = replicas.filter((replica) => this.operator(replica)?.isRunning)
    return running.find((replica) => replica === lease?.spec?.holderIdentity) ?? running[0]
  }

  kill(replica: Replica): void {
    const operator = this.operator(replica)
    if (operator === undefined) return
    this.#ended.add(operator)
    operator.kill()
  }

  /** Kills the API server, unless it is down; returns a function that starts it again. */
  async killApiServer(): Promise<() => Promise<void>> {
    if (this.#isApiServerDown) return async () => {}
    this.#isApiServerDown = true
    const { controlPlane } = this.site.plane
    await controlPlane.killApiServer()
    return async () => {
      await controlPlane.startApiServer()
      this.#isApiServerDown = false
    }
  }

  /** The operators that run now. */
  running(): Operator[] {
    return [...this.#operators.values()].filter(({ isRunning }) => isRunning)
  }

  /** Operators that ended although nobody killed them, with the ends of their logs. */
  crashes(): string[] {
    const crashed = this.#all.filter((operator) => !operator.isRunning && !this.#ended.has(operator))
    return crashed.map((operator) => `an operator ended with ${operator.exitCode}:\n${operator.tail(10)}`)
  }

  async close(): Promise<void> {
    await this.site.close()
    await Promise.all(replicas.map((replica) => this.proxies[replica].close()))
  }
}
