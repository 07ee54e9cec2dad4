import { keyOf } from '../../api/object.ts'
import type { RunnerPool } from '../../api/runner-pool.ts'
import type { Caches } from '../../cluster/caches.ts'
import { PoolQueues } from '../../cluster/pool-queues.ts'
import { isFinished } from '../../domain/job/phases.ts'
import type { Admission } from '../../domain/job/view.ts'
import { writtenPosition } from '../../domain/pool/position.ts'
import type { PoolQueue, Turn } from '../../domain/pool/queue.ts'
import type { PoolUsage } from '../../domain/pool/usage.ts'
import { runnerKeysAt } from '../../domain/runner/keys.ts'
import type { Lane } from '../../kube/queue/workqueue.ts'
import { PoolLimits } from './limits.ts'
import { occupiedSlot } from './occupied.ts'

export interface SchedulerOptions {
  caches: Caches
  /** Called when a job may have its Runner now, or when its waiting reason has changed. */
  wake: (jobKey: string, lane?: Lane) => void
  /** Called when the usage of a pool has changed. */
  onUsage?: (poolKey: string) => void
  /** Maximum number of Runners that start at a time; others follow as pods appear. */
  startWindow?: number
}

/** Most positions that are written at a time: starting jobs comes first. */
const MOST_ANNOUNCED = 100

interface Admitted {
  poolKey: string
  turn: Turn
}

/**
 * Decides which job gets a Runner next: per pool in the order of its queue, within the limits of the pool. All of its
 * state derives from the caches, except which jobs were admitted and have no Runner yet.
 */
export class Scheduler {
  readonly #caches: Caches
  readonly #wake: SchedulerOptions['wake']
  readonly #onUsage: (poolKey: string) => void
  readonly #queues: PoolQueues
  readonly #limits: PoolLimits
  readonly #admitted = new Map<string, Admitted>()
  /** Pools with waiting jobs, in the order in which they take turns. */
  readonly #waitingPools = new Set<string>()
  /** Pools with free slots whose jobs wait for the start window. */
  readonly #heldUp = new Set<string>()

  constructor(options: SchedulerOptions) {
    const { caches, wake, onUsage = () => undefined, startWindow = 128 } = options
    this.#caches = caches
    this.#wake = wake
    this.#onUsage = onUsage
    this.#queues = new PoolQueues(caches, (jobKey) => this.#admitted.has(jobKey))
    this.#limits = new PoolLimits({ caches, queues: this.#queues, wake, onUsage, startWindow })
  }

  /** The pool that a job was admitted to. */
  poolOf(jobKey: string): RunnerPool | undefined {
    const admitted = this.#admitted.get(jobKey)
    return admitted === undefined ? undefined : this.#caches.pools.get(admitted.poolKey)
  }

  /** The pool that a job was admitted to, or in whose queue it waits. */
  queuedIn(jobKey: string): RunnerPool | undefined {
    return this.poolOf(jobKey) ?? this.#caches.pools.get(this.#queues.poolOf(jobKey) ?? '')
  }

  /** The turn of an admitted job. */
  turnOf(jobKey: string): Turn | undefined {
    return this.#admitted.get(jobKey)?.turn
  }

  /** Whether the job may have a Runner, will soon have one, or what it waits for. */
  admissionOf(jobKey: string): Admission {
    if (this.#admitted.has(jobKey)) return { is: 'admitted' }
    const noPool = this.#queues.noPoolFor(jobKey)
    if (noPool !== undefined) return { is: 'waiting', ...noPool }
    const admission = this.#inQueue(jobKey)
    if (admission.is !== 'waiting') return admission
    const before = this.#queueOf(jobKey)?.before(jobKey)
    return { ...admission, ...(before !== undefined && { queuePosition: before + 1 }) }
  }

  #queueOf(jobKey: string): PoolQueue | undefined {
    const poolKey = this.#queues.poolOf(jobKey)
    return poolKey === undefined ? undefined : this.#queues.of(poolKey)
  }

  #inQueue(jobKey: string): Admission {
    const poolKey = this.#queues.poolOf(jobKey)
    const pool = poolKey === undefined ? undefined : this.#caches.pools.get(poolKey)
    const name = pool?.metadata.name ?? 'a pool'
    // No message has a limit in it: a change of it would cost a write for each waiting job.
    if (pool?.spec.paused === true)
      return { is: 'waiting', reason: 'PoolPaused', message: `RunnerPool ${name} is paused: no job starts in it` }
    if (poolKey !== undefined && this.#limits.waitsForItsRepository(jobKey, poolKey)) {
      const message = `RunnerPool ${name} runs as many jobs of this repository as it may at a time`
      return { is: 'waiting', reason: 'RepositoryLimit', message }
    }
    if (poolKey !== undefined && this.#hasSlotFor(jobKey, poolKey))
      return { is: 'next', message: 'the Runner will be created after those of earlier jobs' }
    return { is: 'waiting', reason: 'PoolFull', message: `waiting for a free slot in RunnerPool ${name}` }
  }

  /** How a pool is used now. */
  usageOf(poolKey: string): PoolUsage {
    return this.#limits.usageOf(poolKey)
  }

  /**
   * Wakes the jobs of a pool whose position in their status is out of date, at most some of them; returns whether there
   * are more.
   */
  announcePositions(poolKey: string): boolean {
    let left = MOST_ANNOUNCED
    for (const [index, jobKey] of this.#queues.of(poolKey).order().entries()) {
      const written = this.#caches.jobs.get(jobKey)?.status.queuePosition
      if (written === undefined || writtenPosition(written, index + 1) === written) continue
      if (left === 0) return true
      left -= 1
      this.#wake(jobKey, 'deferred')
    }
    return false
  }

  /** Reads everything from the caches. */
  begin(): void {
    for (const runner of this.#caches.runners.list()) this.#recount(keyOf(runner))
    for (const pod of this.#caches.pods.list()) this.#recount(keyOf(pod))
    for (const job of this.#caches.jobs.list()) this.#review(keyOf(job))
    for (const pool of this.#caches.pools.list()) this.#onUsage(keyOf(pool))
    this.#advanceAll()
  }

  jobChanged(jobKey: string): void {
    const job = this.#caches.jobs.get(jobKey)
    this.#review(jobKey)
    const { reported, attempts } = job?.status ?? {}
    if (job === undefined || isFinished(job) || reported !== undefined || attempts !== undefined)
      for (const key of runnerKeysAt(jobKey)) this.#recount(key)
    this.#advanceAll()
  }

  /** A Runner or its pod (both have the same name) was created, changed or deleted; `jobKey` is that of its job. */
  runnerChanged(runnerKey: string, jobKey: string | undefined): void {
    this.#recount(runnerKey)
    if (jobKey !== undefined) this.#review(jobKey)
    this.#advanceAll()
  }

  /** Queues all jobs without a Runner again, including admitted ones: their pool may be gone or smaller. */
  poolsChanged(): void {
    const jobKeys = [...this.#admitted.keys(), ...this.#queues.waiting()]
    for (const jobKey of jobKeys) this.#revoke(jobKey)
    this.#queues.poolsChanged()
    for (const pool of this.#caches.pools.list()) this.#limits.poolChanged(keyOf(pool))
    for (const jobKey of jobKeys) {
      this.#queues.putBack(jobKey)
      this.#noteQueue(jobKey)
      this.#wake(jobKey)
    }
    this.#advanceAll()
  }

  /** Queues one job if it waits for a Runner, and removes it if not. */
  #review(jobKey: string): void {
    const admitted = this.#admitted.get(jobKey)
    if (admitted !== undefined && !this.#queues.waits(jobKey)) this.#revoke(jobKey)
    this.#noteQueue(jobKey)
    this.#queues.review(jobKey)
    this.#noteQueue(jobKey)
  }

  /** The queue that a job is in is about to change, or has changed. */
  #noteQueue(jobKey: string): void {
    const poolKey = this.#queues.poolOf(jobKey)
    if (poolKey === undefined) return
    this.#waitingPools.add(poolKey)
    this.#onUsage(poolKey)
  }

  /** Takes its slot from an admitted job. */
  #revoke(jobKey: string): void {
    if (!this.#admitted.delete(jobKey)) return
    this.#limits.release(admittedKey(jobKey))
  }

  /** Updates the slot of one Runner. */
  #recount(runnerKey: string): void {
    const slot = occupiedSlot(this.#caches, runnerKey)
    if (slot === undefined) this.#limits.release(runnerKey)
    else this.#limits.occupy(runnerKey, slot)
  }

  /** Pools take turns, so that a long queue does not use up the start window. */
  #advanceAll(): void {
    // An entry that is added again at the end of a Set is visited once more.
    for (const poolKey of this.#waitingPools) {
      const isWaiting = this.#queues.of(poolKey).size > 0
      if (isWaiting && !this.#admitNext(poolKey)) continue
      this.#waitingPools.delete(poolKey)
      if (isWaiting) this.#waitingPools.add(poolKey)
    }
  }

  /** Whether the job waits only for the start window. */
  #hasSlotFor(jobKey: string, poolKey: string): boolean {
    const free = this.#limits.freeSlots(poolKey)
    return free > 0 && (this.#queues.of(poolKey).before(jobKey) ?? free) < free
  }

  /** Admits the first job in the queue, if there is a slot. */
  #admitNext(poolKey: string): boolean {
    if (this.#limits.freeSlots(poolKey) <= 0) {
      this.#close(poolKey)
      return false
    }
    if (this.#limits.isWindowFull(poolKey)) {
      this.#heldUp.add(poolKey)
      return false
    }
    const job = this.#queues.take(poolKey)
    if (job === undefined) return false
    const { key, repository, turn } = job
    this.#admitted.set(key, { poolKey, turn })
    this.#limits.occupy(admittedKey(key), { poolKey, repository, hasPod: false, isRunning: false })
    this.#wake(key)
    return true
  }

  /** The pool is full. Wakes the jobs that were next in line, since their waiting reason has changed. */
  #close(poolKey: string): void {
    if (this.#heldUp.delete(poolKey)) for (const { key } of this.#queues.of(poolKey).jobs()) this.#wake(key)
  }
}

/** The key of an admitted job's slot: no key of a Runner has a blank. */
function admittedKey(jobKey: string): string {
  return `admitted ${jobKey}`
}
