import type { Clock } from '../../kube/runtime/clock.ts'
import type { HttpMetrics, FacadeMiddleware } from '../context.ts'

/** Counts every response by its route; the outermost middleware. */
export function countRequests(metrics: HttpMetrics, clock: Pick<Clock, 'monotonicMs'>): FacadeMiddleware {
  return async (ctx, next) => {
    const begun = clock.monotonicMs()
    await next()
    // A disconnected client gets no response; a timed-out one already got 408 from the server.
    if (ctx.res.destroyed) return
    const seconds = (clock.monotonicMs() - begun) / 1000
    metrics.answered(ctx.state.route ?? 'none', ctx.status, ctx.state.hasWaited === true ? undefined : seconds)
  }
}

/** Sets the route that a request is attributed to. */
export function setRouteName(name: string): FacadeMiddleware {
  return (ctx, next) => {
    ctx.state.route = name
    return next()
  }
}
