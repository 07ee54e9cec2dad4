import { runnerPools } from '../../api/runner-pool.ts'
import { drainDeadlineNews, drainDeadlineStatus } from '../../domain/pool/drain-deadline.ts'
import type { ReconcilerDeps } from '../deps.ts'
import { writeStatus } from '../writes.ts'

/** Writes into the status of a pool whether its deadline for drains holds; an Event reports if it does not. */
export function drainDeadlineWriter(deps: ReconcilerDeps) {
  return async function writeDrainDeadline(key: string, signal: AbortSignal): Promise<void> {
    const pool = deps.caches.pools.get(key)
    if (pool === undefined) return
    const { sight } = deps.drainingNodes
    const status = drainDeadlineStatus(pool, sight, deps.clock.now())
    if (status === undefined) return
    await writeStatus({ ...deps, store: deps.caches.pools, resource: runnerPools }, { ...pool, status }, signal)
    const {
      status: holds,
      reason,
      message,
    } = drainDeadlineNews(pool, sight) ?? { status: 'True', reason: '', message: '' }
    if (holds === 'True') return
    const event = { type: 'Warning', reason, message, action: 'WatchNodes' } as const
    deps.recorder.record({ resource: runnerPools, object: pool }, event)
  }
}
