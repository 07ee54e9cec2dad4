import { Counter, type Registry } from 'prom-client'
import type { JobTotals } from '../cluster/job-totals.ts'
import { durationBounds } from '../domain/totals/totals.ts'
import { SnapshotHistogram } from './snapshot-histogram.ts'

/** The metrics of the API reference: totals of the cluster, the same in every process. */
export function jobTotals(registry: Registry, totals: JobTotals): void {
  const registers = [registry]
  // oxlint-disable-next-line no-new -- it registers itself
  new Counter({
    name: 'github_runnerhub_jobs_total',
    help: 'Total number of jobs processed',
    labelNames: ['status'],
    registers,
    collect() {
      const values = totals.read()
      this.reset()
      if (values === undefined) return
      for (const status of ['completed', 'failed', 'cancelled'] as const) this.inc({ status }, values[status])
    },
  })
  // oxlint-disable-next-line no-new -- it registers itself
  new SnapshotHistogram(
    { name: 'github_runnerhub_job_duration_seconds', help: 'Job execution duration', registers },
    () => {
      const values = totals.read()
      if (values === undefined) return undefined
      return { bounds: durationBounds, within: values.within, sum: values.ranMs / 1000 }
    },
  )
}
