import type { RunnerPool, RunnerPoolStatus } from '../../api/runner-pool.ts'
import { readinessOf } from '../../domain/pool/readiness.ts'
import { iso } from '../jobs/views.ts'

/** A RunnerPool as the list shows it. Unknown values are null. */
export function poolRow(pool: RunnerPool): Record<string, unknown> {
  const { metadata, spec, status } = pool
  const readiness = readinessOf(pool)
  return {
    name: metadata.name,
    mode: spec.mode === 'Worker' ? 'worker' : 'template',
    labels: spec.labels ?? [],
    repositories: spec.repositories ?? [],
    slots: spec.maxRunners,
    paused: spec.paused ?? false,
    ...usageOf(status),
    ready: readiness.is === 'unjudged' ? null : readiness.is === 'ready',
    message: 'message' in readiness ? readiness.message : null,
  }
}

function usageOf({ running, starting, queued, oldestQueuedAt, limitsReached }: RunnerPoolStatus = {}): object {
  return {
    running: running ?? 0,
    starting: starting ?? 0,
    queued: queued ?? 0,
    oldestQueuedAt: iso(oldestQueuedAt),
    limitsReached: limitsReached ?? [],
  }
}
