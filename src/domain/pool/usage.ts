import type { PoolLimit, RunnerPool, RunnerPoolStatus } from '../../api/runner-pool.ts'

/** How a pool is used now. */
export interface PoolUsage {
  running: number
  /** Slots whose job does not run yet. */
  starting: number
  queued: number
  oldestMs: number | undefined
  /** Whether a repository runs as many jobs as one may. */
  isRepositoryFull: boolean
}

/** The status of a pool that is used like this. */
export function statusWith({ spec, status }: RunnerPool, usage: PoolUsage): RunnerPoolStatus {
  const { running, starting, queued, oldestMs } = usage
  const { oldestQueuedAt: _, ...rest } = status ?? {}
  const reached: Record<PoolLimit, boolean> = {
    paused: spec.paused === true,
    maxRunners: running + starting >= spec.maxRunners,
    'perRepository.maxRunning': usage.isRepositoryFull,
  }
  return {
    ...rest,
    running,
    starting,
    queued,
    ...(oldestMs !== undefined && { oldestQueuedAt: new Date(oldestMs).toISOString() }),
    limitsReached: Object.entries(reached).flatMap(([limit, isReached]) => (isReached ? [limit] : [])),
  }
}
