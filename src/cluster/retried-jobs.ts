import { keyOf } from '../api/object.ts'
import type { RunnerJob } from '../api/runner-job.ts'
import type { RunnerPool } from '../api/runner-pool.ts'
import { Lru } from '../collections/lru.ts'
import type { Store } from '../kube/cache/store.ts'

/** Most deleted jobs that are remembered: with the default budget as many as a hundred pools can have. */
const MOST_DELETED = 10_000

/** What a retry budget counts of a job. */
export type RetriedJob = { spec: Pick<RunnerJob['spec'], 'repository'>; status: Pick<RunnerJob['status'], 'attempts'> }

/**
 * The jobs that were tried again, for the budget of their pools. Deleted ones are remembered: a short TTL must not renew
 * a budget. Every replica remembers those that it saw, so that the next leader knows them.
 */
export class RetriedJobs {
  readonly #jobs: Store<RunnerJob>
  readonly #deleted = new Lru<string, RetriedJob & { namespace: string }>(MOST_DELETED) // by UID

  /** The store has to have the index `retried`. */
  constructor(jobs: Store<RunnerJob>) {
    this.#jobs = jobs
    jobs.onChange(({ old, now }) => {
      if (now !== undefined) this.#deleted.delete(now.metadata.uid) // a list had missed it
      if (old !== undefined && old.metadata.uid !== now?.metadata.uid) this.#remember(old)
    })
  }

  /** The jobs of which attempts ended in this pool, and perhaps others of its namespace. */
  *of(pool: RunnerPool): Iterable<RetriedJob> {
    yield* this.#jobs.byIndex('retried', keyOf(pool))
    for (const job of this.#deleted.values()) if (job.namespace === pool.metadata.namespace) yield job
  }

  #remember({ metadata, spec: { repository }, status: { attempts } }: RunnerJob): void {
    if (attempts === undefined) return
    this.#deleted.set(metadata.uid, { namespace: metadata.namespace ?? '', spec: { repository }, status: { attempts } })
  }
}
