import type { Caches } from '../cluster/caches.ts'
import { filled } from '../cluster/freshness.ts'
import { requestSignal } from './request-signal.ts'
import type { FacadeMiddleware } from './state.ts'

/** Stands before whatever is answered from the caches, and waits until they are filled. */
export function fromCaches(caches: Caches): FacadeMiddleware {
  return async (ctx, next) => {
    await filled(caches, requestSignal(ctx))
    await next()
  }
}
