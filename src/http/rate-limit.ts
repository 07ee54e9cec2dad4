import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import type { Clock } from '../kube/clock.ts'
import { HttpError } from './http-error.ts'
import type { FacadeMiddleware } from './state.ts'

export interface RateLimitOptions {
  /** Requests per client address and window. */
  max: number
  windowSeconds: number
  clock: Clock
}

/** Limits requests per client address, and tells the state in the documented headers (Reset: Unix seconds). */
export function rateLimit({ max, windowSeconds, clock }: RateLimitOptions): FacadeMiddleware {
  const limiter = new RateLimiterMemory({ points: max, duration: windowSeconds })
  return async (ctx, next) => {
    const spent = await limiter.consume(ctx.ip).catch(refused)
    const resetSeconds = Math.ceil((clock.now().getTime() + spent.msBeforeNext) / 1000)
    ctx.set({
      'X-RateLimit-Limit': String(max),
      'X-RateLimit-Remaining': String(Math.max(0, max - spent.consumedPoints)),
      'X-RateLimit-Reset': String(resetSeconds),
    })
    if (spent.consumedPoints > max) {
      const headers = { 'Retry-After': String(Math.ceil(spent.msBeforeNext / 1000)) }
      throw new HttpError(429, 'RateLimited', 'rate limit exceeded, see the Retry-After header', headers)
    }
    await next()
  }
}

/** The limiter rejects with its result where the limit is exceeded. */
function refused(result: unknown): RateLimiterRes {
  if (result instanceof RateLimiterRes) return result
  throw result
}
