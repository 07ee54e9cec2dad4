import { keyOf } from '../api/object.ts'
import type { RunnerJob } from '../api/runner-job.ts'
import type { RunnerPool } from '../api/runner-pool.ts'
import { readinessOf } from '../domain/pool/readiness.ts'
import { Throughput } from '../domain/pool/throughput.ts'
import { followShownJobs, runnerOf } from './job-places.ts'
import { PoolQueues, type QueueCaches } from './pool-queues.ts'

/** Where a waiting job stands. */
interface QueuePlace {
  poolKey: string
  /** 1 is next. In a long queue it may be a few jobs out of date. */
  position: number
}

/** Where waiting jobs stand in the queues of their pools. Every process computes the same from its caches. */
export class QueuePositions {
  readonly #caches: QueueCaches
  readonly #queues: PoolQueues
  readonly #throughputs = new Map<string, Throughput>()
  /** Pools have changed since the waiting jobs were placed: a first list brings many pools one after the other. */
  #isStale = false

  constructor(caches: QueueCaches) {
    this.#caches = caches
    this.#queues = new PoolQueues(caches, () => false)
    followShownJobs(caches, (key) => this.#look(key))
    caches.pools.onChange(({ key, old, now }) => {
      if (now === undefined) this.#throughputs.delete(key)
      if (placing(old) !== placing(now)) this.#isStale = true
    })
  }

  /** The place of a job; undefined unless it waits in the queue of a pool. */
  of(job: RunnerJob): QueuePlace | undefined {
    if (this.#isStale) this.#placeAgain()
    const key = keyOf(job)
    const poolKey = this.#queues.poolOf(key)
    const before = poolKey === undefined ? undefined : this.#queues.of(poolKey).before(key)
    return poolKey === undefined || before === undefined ? undefined : { poolKey, position: before + 1 }
  }

  /** How long a job in this place will wait, if the pool goes on as lately; undefined if it starts too few jobs. */
  waitSecondsAt({ poolKey, position }: QueuePlace, now: Date): number | undefined {
    if (this.#caches.pools.get(poolKey)?.spec.paused === true) return undefined
    const msPerJob = this.#throughputs.get(poolKey)?.msPerJob(now)
    return msPerJob === undefined ? undefined : Math.ceil((position * msPerJob) / 1000)
  }

  #placeAgain(): void {
    this.#isStale = false
    this.#queues.poolsChanged()
    for (const jobKey of this.#queues.waiting()) this.#queues.putBack(jobKey)
  }

  #look(key: string): void {
    this.#queues.review(key)
    const job = this.#caches.jobs.get(key)
    const runner = job === undefined ? undefined : runnerOf(this.#caches, job)
    const poolName = runner?.spec.poolName ?? job?.status.poolName
    const startedAt = runner?.metadata.creationTimestamp ?? job?.status.assignedAt
    if (job === undefined || poolName === undefined || startedAt === undefined) return
    const poolKey = `${job.metadata.namespace ?? ''}/${poolName}`
    const throughput = this.#throughputs.get(poolKey) ?? new Throughput()
    this.#throughputs.set(poolKey, throughput)
    throughput.note(job.metadata.uid, Date.parse(startedAt))
  }
}

/** All of a pool that decides which jobs wait in it, and in which order. */
function placing(pool: RunnerPool | undefined): string {
  if (pool === undefined) return ''
  const { uid, generation } = pool.metadata
  return JSON.stringify([uid, generation, readinessOf(pool)])
}
