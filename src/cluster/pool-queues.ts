import { repositoryKey } from '../api/names.ts'
import { keyOf } from '../api/object.ts'
import type { RunnerJob } from '../api/runner-job.ts'
import type { RunnerPool } from '../api/runner-pool.ts'
import { isFinished } from '../domain/job/phases.ts'
import { delegatedAt } from '../domain/job/status.ts'
import { choosePool, type NoPool } from '../domain/pool/choice.ts'
import { PoolQueue, type QueuedJob, type Turn } from '../domain/pool/queue.ts'
import { priorityOf, rulesOf } from '../domain/pool/rules.ts'
import type { Store } from '../kube/cache/store.ts'
import { type PlaceCaches, podOf, runnerOf } from './job-places.ts'

/** The caches that the queues derive from. */
export interface QueueCaches extends PlaceCaches {
  pools: Store<RunnerPool>
}

/** The queue of each pool, derived from the caches alone: every process has the same, also after a restart. */
export class PoolQueues {
  readonly #caches: QueueCaches
  readonly #isAdmitted: (jobKey: string) => boolean
  readonly #queues = new Map<string, { queue: PoolQueue; version: string }>()
  readonly #poolOf = new Map<string, string>()
  readonly #unplaced = new Map<string, NoPool>()
  /** The pools in which the turns of jobs are recorded. */
  readonly #chargedIn = new Map<string, string>()

  /** `isAdmitted` says whether a job has left the queue and has no Runner yet. */
  constructor(caches: QueueCaches, isAdmitted: (jobKey: string) => boolean) {
    this.#caches = caches
    this.#isAdmitted = isAdmitted
  }

  /** The key of the pool in whose queue the job waits. */
  poolOf(jobKey: string): string | undefined {
    return this.#poolOf.get(jobKey)
  }

  /** Why the job has no pool, if it waits for one. */
  noPoolFor(jobKey: string): NoPool | undefined {
    return this.#unplaced.get(jobKey)
  }

  /** Whether the job waits for a Runner. */
  waits(jobKey: string): boolean {
    const job = this.#caches.jobs.get(jobKey)
    return job !== undefined && waits(this.#caches, job)
  }

  /** All jobs that wait, with a pool or without. */
  waiting(): string[] {
    return [...this.#poolOf.keys(), ...this.#unplaced.keys()]
  }

  /** Whether anything is kept for a pool. */
  has(poolKey: string): boolean {
    return this.#queues.has(poolKey)
  }

  /** The queue of a pool; of one that does not exist, an empty queue that is not kept. */
  of(poolKey: string): PoolQueue {
    const pool = this.#caches.pools.get(poolKey)
    return pool === undefined ? (this.#queues.get(poolKey)?.queue ?? new PoolQueue(rulesOf(pool))) : this.#kept(poolKey)
  }

  #kept(poolKey: string): PoolQueue {
    const known = this.#queues.get(poolKey)
    if (known !== undefined) return known.queue
    const queue = new PoolQueue(rulesOf(this.#caches.pools.get(poolKey)))
    this.#queues.set(poolKey, { queue, version: this.#versionOf(poolKey) })
    return queue
  }

  /** Forgets the queue of a pool that does not exist, once nothing is in it. */
  #tidy(poolKey: string): void {
    if (this.#caches.pools.get(poolKey) === undefined && this.#queues.get(poolKey)?.queue.isUnused === true)
      this.#queues.delete(poolKey)
  }

  /** Queues a job that waits for a Runner, and removes one that does not. */
  review(jobKey: string): void {
    const job = this.#caches.jobs.get(jobKey)
    if (job === undefined || !waits(this.#caches, job) || this.#isAdmitted(jobKey)) this.#leave(jobKey)
    else if (this.#poolOf.has(jobKey)) this.#prioritise(jobKey, job)
    else if (!this.#unplaced.has(jobKey)) this.#place(jobKey, job)
    this.#record(jobKey, job)
  }

  /** Queues a job once more that had left the queue: its turn does not count. */
  putBack(jobKey: string): void {
    this.#leave(jobKey)
    this.#uncharge(jobKey)
    this.review(jobKey)
  }

  /** Applies the rules of pools that have changed. */
  poolsChanged(): void {
    for (const [poolKey, { queue, version }] of this.#queues) {
      if (version === this.#versionOf(poolKey)) continue
      this.#queues.delete(poolKey)
      const renewed = this.#kept(poolKey)
      for (const [key, { repository, ...turn }] of queue.turns()) renewed.charge(key, repository, turn)
      for (const job of queue.jobs()) renewed.add(job)
      this.#tidy(poolKey)
    }
  }

  #leave(jobKey: string): void {
    this.#unplaced.delete(jobKey)
    const poolKey = this.#poolOf.get(jobKey)
    if (poolKey === undefined) return
    this.#poolOf.delete(jobKey)
    this.of(poolKey).remove(jobKey)
    this.#tidy(poolKey)
  }

  /** Takes the next job of a pool out of its queue. */
  take(poolKey: string): (QueuedJob & { turn: Turn }) | undefined {
    const job = this.of(poolKey).take()
    if (job === undefined) return undefined
    this.#poolOf.delete(job.key)
    this.#chargedIn.set(job.key, poolKey)
    return job
  }

  /** Records the turn that a job had, as its Runner or its status has it. */
  #record(jobKey: string, job: RunnerJob | undefined): void {
    if (this.#isAdmitted(jobKey)) return
    const had = job === undefined ? undefined : turnOf(this.#caches, job)
    if (job === undefined || had === undefined || this.#chargedIn.get(jobKey) !== had.poolKey) this.#uncharge(jobKey)
    if (job === undefined || had === undefined) return
    this.#chargedIn.set(jobKey, had.poolKey)
    this.#kept(had.poolKey).charge(jobKey, repositoryKey(job.spec.repository), had.turn)
  }

  #uncharge(jobKey: string): void {
    const poolKey = this.#chargedIn.get(jobKey)
    if (poolKey === undefined) return
    this.#chargedIn.delete(jobKey)
    this.of(poolKey).uncharge(jobKey)
    this.#tidy(poolKey)
  }

  #place(jobKey: string, job: RunnerJob): void {
    const choice = choosePool(job, this.#caches.pools.list())
    if (choice.pool === undefined) {
      const { reason, message } = choice
      this.#unplaced.set(jobKey, { reason, message })
      return
    }
    const poolKey = keyOf(choice.pool)
    this.of(poolKey).add({
      key: jobKey,
      repository: repositoryKey(job.spec.repository),
      priority: priorityOf(job, choice.pool),
      delegatedMs: Date.parse(delegatedAt(job)),
    })
    this.#poolOf.set(jobKey, poolKey)
  }

  /** The priority of a waiting job may change. */
  #prioritise(jobKey: string, job: RunnerJob): void {
    const poolKey = this.#poolOf.get(jobKey) ?? ''
    const pool = this.#caches.pools.get(poolKey)
    const queued = this.of(poolKey).get(jobKey)
    if (pool === undefined || queued === undefined) return
    const priority = priorityOf(job, pool)
    if (priority !== queued.priority) this.of(poolKey).add({ ...queued, priority })
  }

  #versionOf(poolKey: string): string {
    const { uid, generation } = this.#caches.pools.get(poolKey)?.metadata ?? {}
    return `${uid} ${generation}`
  }
}

/** The turn of a job that has or had a Runner, also for an attempt that was lost, and in which pool. */
function turnOf(caches: QueueCaches, job: RunnerJob): { poolKey: string; turn: Turn } | undefined {
  const runner = runnerOf(caches, job)
  const turn = runner?.spec.turn ?? job.status.turn
  const poolName = runner?.spec.poolName ?? job.status.poolName ?? job.status.attempts?.at(-1)?.poolName
  if (turn === undefined || poolName === undefined) return undefined
  return { poolKey: `${job.metadata.namespace ?? ''}/${poolName}`, turn }
}

/** Whether a job waits for a Runner. */
function waits(caches: QueueCaches, job: RunnerJob): boolean {
  const { metadata, spec, status } = job
  if (metadata.deletionTimestamp !== undefined || spec.cancel || isFinished(job)) return false
  // Its next attempt is not due.
  if (status.nextAttemptAt !== undefined) return false
  if (status.reported !== undefined || status.runnerRef !== undefined) return false
  return runnerOf(caches, job) === undefined && podOf(caches, job) === undefined
}
