import type { Caches } from '../../cluster/caches.ts'
import { hasSynced, isStale, waitForSync } from '../../cluster/freshness.ts'
import type { FacadeMiddleware } from '../context.ts'
import { requestSignal } from '../input/request-signal.ts'
import { STALE_HEADER } from './headers.ts'

/** Guards routes that read the caches: waits until they have synced, and marks responses from stale ones. */
export function syncedCaches(caches: Caches): FacadeMiddleware {
  return async (ctx, next) => {
    if (!hasSynced(caches)) await waitForSync(caches, requestSignal(ctx))
    if (isStale(caches)) ctx.set(STALE_HEADER, 'true')
    await next()
  }
}
