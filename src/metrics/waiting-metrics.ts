import { Gauge, type Registry } from 'prom-client'
import { waitingReasons } from '../api/reasons.ts'
import type { RunnerJob } from '../api/runner-job.ts'
import type { Caches } from '../cluster/caches.ts'
import { hasSynced } from '../cluster/freshness.ts'

/** Jobs that have not started, by the reason in their status; absent until the caches are synced. */
export function waitingMetrics(registry: Registry, caches: Caches): void {
  const known = new Set<string>(waitingReasons)
  const counts = new Map<string, number>([...waitingReasons, 'Other'].map((reason) => [reason, 0]))
  const count = (job: RunnerJob | undefined, change: number): void => {
    const { phase, reason } = job?.status ?? {}
    if (reason === undefined || (phase !== 'Queued' && phase !== 'Assigned')) return
    const label = known.has(reason) ? reason : 'Other'
    counts.set(label, (counts.get(label) ?? 0) + change)
  }
  for (const job of caches.jobs.list()) count(job, 1)
  caches.jobs.onChange(({ old, now }) => {
    count(old, -1)
    count(now, 1)
  })
  // oxlint-disable-next-line no-new -- it registers itself
  new Gauge({
    name: 'github_runnerhub_waiting_jobs',
    help: 'Jobs that have not started, by the reason in their status',
    labelNames: ['reason'],
    registers: [registry],
    collect() {
      if (!hasSynced(caches)) return
      for (const [reason, jobs] of counts) this.set({ reason }, jobs)
    },
  })
}
