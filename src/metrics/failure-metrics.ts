import { Counter, type Registry } from 'prom-client'
import { failureReasons } from '../api/reasons.ts'
import type { Caches } from '../cluster/caches.ts'
import { attemptOf } from '../domain/runner/keys.ts'

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

/** Attempts after which a job was tried again, counted when this process sees it. */
export function retryMetrics(registry: Registry, { jobs }: Pick<Caches, 'jobs'>): void {
  const retries = new Counter({
    name: 'github_runnerhub_job_retries_total',
    help: 'Lost attempts after which a job was tried again while this process ran',
    registers: [registry],
  })
  jobs.onChange(({ old, now }) => {
    if (old === undefined || now === undefined) return
    retries.inc(Math.max(0, attemptOf(now) - attemptOf(old)))
  })
}
