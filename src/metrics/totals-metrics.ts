import { Counter, type Registry } from 'prom-client'
import type { JobTotals } from '../cluster/job-totals.ts'
import { durationBounds } from '../domain/totals/totals.ts'
import { SnapshotHistogram } from './snapshot-histogram.ts'

/** What the API reference documents: the totals of the cluster, the same in every process. */
export function jobTotals(registry: Registry, totals: JobTotals): void {
  const registers = [registry]
  // oxlint-disable-next-line no-new -- it registers itself
  new Counter({
    name: 'github_runnerhub_jobs_total',
    help: 'Total number of jobs processed',
    labelNames: ['status'],
    registers,
    collect() {
      const told = totals.read()
      this.reset()
      if (told === undefined) return
      for (const status of ['completed', 'failed', 'cancelled'] as const) this.inc({ status }, told[status])
    },
  })
  // oxlint-disable-next-line no-new -- it registers itself
  new SnapshotHistogram(
    { name: 'github_runnerhub_job_duration_seconds', help: 'Job execution duration', registers },
    () => {
      const told = totals.read()
      return told === undefined ? undefined : { bounds: durationBounds, within: told.within, sum: told.ranMs / 1000 }
    },
  )
}
