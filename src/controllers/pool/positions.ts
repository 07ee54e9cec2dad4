import type { Result } from '../../kube/controller/controller.ts'
import type { ReconcilerDeps } from '../deps.ts'
import type { Scheduler } from './scheduler.ts'

/** How often the positions of the waiting jobs of a pool are compared with those in their status: a pass over the queue. */
const POSITIONS_MS = 5000

/** Wakes the jobs of a pool whose position in their status is out of date, at a bounded rate. */
export function positionAnnouncer({ caches, clock }: ReconcilerDeps, scheduler: Scheduler) {
  const dueAtMs = new Map<string, number>()
  return function announce(key: string): Result {
    if (caches.pools.get(key) === undefined) {
      dueAtMs.delete(key)
      return {}
    }
    const now = clock.monotonicMs()
    const leftMs = (dueAtMs.get(key) ?? now) - now
    if (leftMs > 0) return { requeueAfterMs: leftMs }
    dueAtMs.set(key, now + POSITIONS_MS)
    return scheduler.announcePositions(key) ? { requeueAfterMs: POSITIONS_MS } : {}
  }
}
