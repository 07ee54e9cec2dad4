import type { RunnerJob } from '../../api/runner-job.ts'
import type { Caches } from '../../cluster/caches.ts'
import { type Moment, SortedIndex } from '../../collections/sorted-index.ts'
import { isFinished } from '../../domain/job/phases.ts'

export interface FinishedJobsOptions {
  caches: Pick<Caches, 'jobs' | 'pools'>
  /** Called with each job that its pool keeps no longer, or perhaps for a shorter time, and the delay for it. */
  wake: (jobKey: string, delayMs: number) => void
}

/** Most jobs that one change wakes within a second: other deferred work is served in between. */
const WOKEN_PER_SECOND = 250

/** When a job ended, and in which pool. The index of the pool shares it. */
interface Entry extends Moment {
  poolKey: string
}

/** The finished jobs of each pool by the time of their end, and which of them are beyond its finishedJobsLimit. */
export class FinishedJobs {
  readonly #options: FinishedJobsOptions
  readonly #byPool = new Map<string, SortedIndex>()
  readonly #entries = new Map<string, Entry>()

  constructor(options: FinishedJobsOptions) {
    this.#options = options
  }

  /** Reads all jobs from the caches, and follows their changes. Returns a function that unsubscribes. */
  follow(): () => void {
    const { jobs, pools } = this.#options.caches
    for (const { metadata } of jobs.list()) this.#look(`${metadata.namespace ?? ''}/${metadata.name}`)
    const stops = [
      jobs.onChange(({ key }) => this.#look(key)),
      pools.onChange(({ key, old, now }) => {
        if (old?.spec.finishedJobTTLSeconds !== now?.spec.finishedJobTTLSeconds) this.#wakeAll(key)
        else if (old?.spec.finishedJobsLimit !== now?.spec.finishedJobsLimit) this.#wakeFrom(key, 0)
      }),
    ]
    return () => {
      for (const stop of stops) stop()
    }
  }

  /** Whether the job is one of the oldest, beyond those that its pool keeps. */
  isSurplus(jobKey: string): boolean {
    const entry = this.#entries.get(jobKey)
    if (entry === undefined) return false
    const { poolKey, ms } = entry
    const [last] = this.#surplusOf(poolKey, this.#countSurplus(poolKey) - 1)
    const lastMs = this.#entries.get(last ?? '')?.ms
    return last !== undefined && lastMs !== undefined && (ms < lastMs || (ms === lastMs && jobKey <= last))
  }

  #look(key: string): void {
    const job = this.#options.caches.jobs.get(key)
    const before = this.#entries.get(key)
    const entry = job === undefined ? undefined : entryOf(key, job)
    if (before?.poolKey === entry?.poolKey && before?.ms === entry?.ms) return
    if (before !== undefined) this.#remove(before)
    if (entry === undefined) return
    const index = this.#byPool.get(entry.poolKey) ?? new SortedIndex()
    this.#byPool.set(entry.poolKey, index)
    index.add(entry)
    this.#entries.set(key, entry)
    // The jobs before the last surplus one were woken before.
    this.#wakeFrom(entry.poolKey, this.#countSurplus(entry.poolKey) - 1)
  }

  #remove(entry: Entry): void {
    const index = this.#byPool.get(entry.poolKey)
    index?.remove(entry)
    if (index?.size === 0) this.#byPool.delete(entry.poolKey)
    this.#entries.delete(entry.key)
  }

  #wakeFrom(poolKey: string, rank: number): void {
    this.#wake(this.#surplusOf(poolKey, rank))
  }

  /** Wakes all finished jobs of a pool: each sleeps until the end of the TTL that it had. */
  #wakeAll(poolKey: string): void {
    const index = this.#byPool.get(poolKey)
    this.#wake(index?.slice(0, index.size) ?? [])
  }

  #wake(keys: readonly string[]): void {
    for (const [index, key] of keys.entries()) this.#options.wake(key, Math.floor(index / WOKEN_PER_SECOND) * 1000)
  }

  /** The surplus jobs of a pool from this rank on, the oldest first. */
  #surplusOf(poolKey: string, rank: number): string[] {
    return this.#byPool.get(poolKey)?.slice(Math.max(0, rank), this.#countSurplus(poolKey)) ?? []
  }

  #countSurplus(poolKey: string): number {
    const limit = this.#options.caches.pools.get(poolKey)?.spec.finishedJobsLimit ?? Number.POSITIVE_INFINITY
    return Math.max(0, (this.#byPool.get(poolKey)?.size ?? 0) - limit)
  }
}

/** A job that never got a slot belongs to no pool. */
function entryOf(key: string, job: RunnerJob): Entry | undefined {
  const { poolName, completedAt = job.metadata.creationTimestamp } = job.status
  if (poolName === undefined || !isFinished(job)) return undefined
  return { key, poolKey: `${job.metadata.namespace ?? ''}/${poolName}`, ms: Date.parse(completedAt) }
}
