import { isDeepStrictEqual } from 'node:util'
import { runnerPools } from '../../api/runner-pool.ts'
import { statusWith } from '../../domain/pool/usage.ts'
import type { ReconcileContext, Result } from '../../kube/controller/controller.ts'
import type { ReconcilerDeps } from '../deps.ts'
import { WaitingSince } from '../job/waiting-since.ts'
import { writeStatus } from '../writes.ts'
import type { Scheduler } from './scheduler.ts'

/** The usage of a pool is written once it has not changed for this long, */
const STEADY_MS = 1000
/** and while it changes all the time this often. */
const LATEST_MS = 5000

/** Writes how a pool is used into its status: at a bounded rate, however many jobs come and go. */
export function usageWriter(deps: ReconcilerDeps, scheduler: Pick<Scheduler, 'usageOf'>) {
  const steady = new WaitingSince(deps.clock)
  const stale = new WaitingSince(deps.clock)
  return async function writeUsage(key: string, { signal, lane }: ReconcileContext): Promise<Result> {
    const pool = deps.caches.pools.get(key)
    const status = pool === undefined ? undefined : statusWith(pool, scheduler.usageOf(key))
    if (pool === undefined || status === undefined || isDeepStrictEqual(status, pool.status)) {
      steady.forget(key)
      stale.forget(key)
      return {}
    }
    const steadyMs = steady.ageMs(key, JSON.stringify(status))
    const leftMs = Math.min(STEADY_MS - steadyMs, LATEST_MS - stale.ageMs(key, 'stale'))
    if (leftMs > 0) return { requeueAfterMs: leftMs }
    if (lane === 'urgent' && deps.isBusy()) return { deferred: true }
    await writeStatus({ ...deps, store: deps.caches.pools, resource: runnerPools }, { ...pool, status }, signal)
    stale.forget(key)
    return {}
  }
}
