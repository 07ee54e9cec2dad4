import { Counter, type Registry } from 'prom-client'
import { failureReasons } from '../api/reasons.ts'
import type { Caches } from '../cluster/caches.ts'

/** The reasons of failed jobs, counted when this process sees the failure. */
export function failureMetrics(registry: Registry, { jobs }: Pick<Caches, 'jobs'>): void {
  const known = new Set<string>(failureReasons)
  const failures = new Counter({
    name: 'github_runnerhub_job_failures_total',
    help: 'Jobs that failed while this process ran, by reason',
    labelNames: ['reason'],
    registers: [registry],
  })
  for (const reason of [...failureReasons, 'Other']) failures.inc({ reason }, 0)
  jobs.onChange(({ old, now }) => {
    if (old === undefined || now?.status.phase !== 'Failed' || old.status.phase === 'Failed') return
    const { reason = '' } = now.status
    failures.inc({ reason: known.has(reason) ? reason : 'Other' })
  })
}
