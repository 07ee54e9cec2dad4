import { Gauge, Histogram, type Registry } from 'prom-client'
import type { RunnerJob } from '../api/runner-job.ts'
import { type Caches, followShownJobs, runnerOf } from '../cluster/caches.ts'
import { hasSynced } from '../cluster/freshness.ts'
import { SortedIndex } from '../collections/sorted-index.ts'
import { shownPhase } from '../domain/job/phases.ts'
import { delegatedAt } from '../domain/job/status.ts'
import type { Clock } from '../kube/runtime/clock.ts'

/** Jobs that wait for a Runner, and how long jobs took to start. The gauges are absent until the caches are synced. */
export function queueMetrics(registry: Registry, caches: Caches, clock: Clock): void {
  const registers = [registry]
  const queue = new Queue(caches)
  // oxlint-disable-next-line no-new -- it registers itself
  new Gauge({
    name: 'github_runnerhub_queue_depth',
    help: 'Jobs that wait for a runner',
    registers,
    collect() {
      if (hasSynced(caches)) this.set(queue.depth)
      else this.remove()
    },
  })
  // oxlint-disable-next-line no-new -- it registers itself
  new Gauge({
    name: 'github_runnerhub_queue_oldest_wait_seconds',
    help: 'Longest current wait of a job for a runner, 0 if no job waits',
    registers,
    collect() {
      if (!hasSynced(caches)) this.remove()
      else this.set(queue.oldestMs === undefined ? 0 : Math.max(0, clock.now().getTime() - queue.oldestMs) / 1000)
    },
  })
  const starts = new Histogram({
    name: 'github_runnerhub_job_start_seconds',
    help: 'Time that jobs spent in a phase before they started, as seen by this process',
    labelNames: ['phase'],
    buckets: [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600],
    registers,
  })
  for (const phase of ['queued', 'assigned']) starts.zero({ phase })
  caches.jobs.onChange(({ old, now }) => {
    if (old === undefined || now === undefined || old.status.startedAt !== undefined) return
    for (const [phase, seconds] of Object.entries(startOf(now))) if (seconds >= 0) starts.observe({ phase }, seconds)
  })
}

/** Seconds that a job spent in each phase before it started; NaN if unknown. */
function startOf(job: RunnerJob): Record<'queued' | 'assigned', number> {
  const { assignedAt = '', startedAt = '' } = job.status
  const [delegated = NaN, assigned = NaN, started = NaN] = [delegatedAt(job), assignedAt, startedAt].map(Date.parse)
  const isStarted = !Number.isNaN(started)
  return {
    queued: isStarted ? (assigned - delegated) / 1000 : NaN,
    assigned: (started - assigned) / 1000,
  }
}

/** The jobs that wait for a Runner, ordered by the start of their wait. */
class Queue {
  readonly #caches: Caches
  readonly #timeline = new SortedIndex()
  readonly #waiting = new Map<string, number>()

  constructor(caches: Caches) {
    this.#caches = caches
    followShownJobs(caches, (key) => this.#put(key))
  }

  get depth(): number {
    return this.#waiting.size
  }

  get oldestMs(): number | undefined {
    const [key = ''] = this.#timeline.slice(0, 1)
    return this.#waiting.get(key)
  }

  #put(key: string): void {
    const job = this.#caches.jobs.get(key)
    const previous = this.#waiting.get(key)
    const isWaiting = job !== undefined && shownPhase(job, runnerOf(this.#caches, job)) === 'Queued'
    const next = isWaiting ? Date.parse(delegatedAt(job)) : undefined
    if (previous === next) return
    if (previous !== undefined) this.#timeline.remove({ key, ms: previous })
    this.#waiting.delete(key)
    if (next === undefined) return
    this.#timeline.add({ key, ms: next })
    this.#waiting.set(key, next)
  }
}
