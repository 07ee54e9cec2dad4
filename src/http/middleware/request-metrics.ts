import type { Clock } from '../../kube/runtime/clock.ts'
import type { HttpMetrics, FacadeMiddleware } from '../context.ts'

/** Counts every answer, by the route that gave it; stands before all else. */
export function countRequests(metrics: HttpMetrics, clock: Pick<Clock, 'monotonicMs'>): FacadeMiddleware {
  return async (ctx, next) => {
    const begun = clock.monotonicMs()
    await next()
    // Who has gone is answered nothing, and who was too slow was answered by the server.
    if (ctx.res.destroyed) return
    metrics.answered(ctx.state.route ?? 'none', ctx.status, (clock.monotonicMs() - begun) / 1000)
  }
}

/** Says which route a call has come to. */
export function setRouteName(name: string): FacadeMiddleware {
  return (ctx, next) => {
    ctx.state.route = name
    return next()
  }
}
