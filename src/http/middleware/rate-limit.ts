import type { ClientOf } from '../../auth/client-address.ts'
import { type Count, FixedWindowCounter } from '../../auth/window-counter.ts'
import type { Clock } from '../../kube/runtime/clock.ts'
import type { FacadeContext, FacadeMiddleware } from '../context.ts'
import { HttpError } from '../http-error.ts'
import type { Route } from '../routes.ts'

export interface RateLimitOptions {
  /** Requests per client address and window. */
  max: number
  windowSeconds: number
  clientOf: ClientOf
}

/**
 * Limits requests per client address, and sets the documented headers (Reset: Unix seconds). Returns a factory of the
 * middleware of each route; all routes share the counts. Requests to free routes count only when they are rejected with
 * 401 or 403.
 */
export function rateLimits(
  options: RateLimitOptions & { clock: Clock },
): (route: Pick<Route, 'isFree'>) => FacadeMiddleware {
  const { max, windowSeconds, clientOf, clock } = options
  const counts = new FixedWindowCounter({ clock, windowMs: windowSeconds * 1000 })
  const setHeaders = ({ res }: FacadeContext, { count, leftMs }: Count): void => {
    res.setHeader('X-RateLimit-Limit', String(max))
    res.setHeader('X-RateLimit-Remaining', String(Math.max(0, max - count)))
    res.setHeader('X-RateLimit-Reset', String(Math.ceil((clock.now().getTime() + leftMs) / 1000)))
  }
  return ({ isFree }) =>
    async (ctx, next) => {
      const client = clientOf(ctx.req.socket.remoteAddress ?? '', ctx.get('X-Forwarded-For'))
      // Rejected requests to free routes are limited too: each costs the API server a review.
      const limit = isFree === true ? 2 * max : max
      const before = counts.of(client)
      const now = isFree === true || before.count >= limit ? before : counts.add(client)
      setHeaders(ctx, now)
      if (before.count >= limit) throw tooMany(now)
      try {
        await next()
      } catch (error) {
        if (isFree === true && isRejection(error)) setHeaders(ctx, counts.add(client))
        throw error
      }
    }
}

function isRejection(error: unknown): boolean {
  return error instanceof HttpError && (error.status === 401 || error.status === 403)
}

function tooMany({ leftMs }: Count): HttpError {
  const headers = { 'Retry-After': String(Math.ceil(leftMs / 1000)) }
  return new HttpError(429, 'RateLimited', 'rate limit exceeded, see the Retry-After header', headers)
}
