import type { RunnerPool } from '../../api/runner-pool.ts'
import type { Caches } from '../../cluster/caches.ts'
import type { PoolQueues } from '../../cluster/pool-queues.ts'
import type { PoolUsage } from '../../domain/pool/usage.ts'
import { PoolSlots, type Slot } from './slot-counts.ts'

export interface PoolLimitsOptions {
  caches: Pick<Caches, 'pools'>
  queues: PoolQueues
  /** Called when the waiting reason of a job has changed. */
  wake: (jobKey: string) => void
  /** Called when the usage of a pool has changed. */
  onUsage: (poolKey: string) => void
  /** Maximum number of Runners that start at a time. */
  startWindow: number
}

/** Each pool has 1/SHARES of the start window to itself. */
const SHARES = 16

/** Which slots of the pools are occupied, and how many more may be. */
export class PoolLimits {
  readonly #options: PoolLimitsOptions
  readonly #slots = new PoolSlots()

  constructor(options: PoolLimitsOptions) {
    this.#options = options
  }

  occupy(key: string, slot: Slot): void {
    const before = this.#slots.release(key)
    this.#slots.occupy(key, slot)
    this.#slotChanged(slot)
    if (before !== undefined) this.#slotChanged(before)
  }

  release(key: string): void {
    const slot = this.#slots.release(key)
    if (slot !== undefined) this.#slotChanged(slot)
  }

  /** The limit of a repository, or the pool's pause, may have changed. */
  poolChanged(poolKey: string): void {
    const repositories = [...this.#slots.repositoriesIn(poolKey)].map(([repository]) => repository)
    for (const repository of new Set([...repositories, ...this.#options.queues.of(poolKey).held()]))
      this.#hold(poolKey, repository)
    this.#options.onUsage(poolKey)
  }

  freeSlots(poolKey: string): number {
    const { maxRunners = 0, paused = false } = this.#pool(poolKey)?.spec ?? {}
    return paused ? 0 : maxRunners - this.#slots.count(poolKey)
  }

  /** Each pool may start a few Runners, however many other pools are starting: only the others' creates may hang. */
  isWindowFull(poolKey: string): boolean {
    const { startWindow } = this.#options
    if (this.#slots.startingCount < startWindow) return false
    return this.#slots.podlessOf(poolKey) >= Math.floor(startWindow / SHARES)
  }

  /** Whether the job waits for others of its repository to end, whatever else is free. */
  waitsForItsRepository(jobKey: string, poolKey: string): boolean {
    const queue = this.#options.queues.of(poolKey)
    const repository = queue.get(jobKey)?.repository
    const before = queue.beforeInRepository(jobKey)
    if (repository === undefined || before === undefined) return false
    return this.#slots.countOf(poolKey, repository) + before >= this.#repositoryLimit(poolKey)
  }

  /** How a pool is used now. */
  usageOf(poolKey: string): PoolUsage {
    const queue = this.#options.queues.of(poolKey)
    const running = this.#slots.runningIn(poolKey)
    const limit = this.#repositoryLimit(poolKey)
    return {
      running,
      starting: this.#slots.count(poolKey) - running,
      queued: queue.size,
      oldestMs: queue.oldestMs,
      isRepositoryFull: [...this.#slots.repositoriesIn(poolKey)].some(([, count]) => count >= limit),
    }
  }

  #pool(poolKey: string): RunnerPool | undefined {
    return this.#options.caches.pools.get(poolKey)
  }

  #repositoryLimit(poolKey: string): number {
    return this.#pool(poolKey)?.spec.perRepository?.maxRunning ?? Number.POSITIVE_INFINITY
  }

  #slotChanged({ poolKey, repository }: Slot): void {
    this.#hold(poolKey, repository)
    this.#options.onUsage(poolKey)
  }

  /** Holds a repository back while it has all of its slots. The waiting reason of its first jobs changes with that. */
  #hold(poolKey: string, repository: string): void {
    if (repository === '') return
    const queue = this.#options.queues.of(poolKey)
    const isHeld = this.#slots.countOf(poolKey, repository) >= this.#repositoryLimit(poolKey)
    if (queue.hold(repository, isHeld)) for (const jobKey of queue.headsOf(repository)) this.#options.wake(jobKey)
  }
}
