import type { IncomingMessage } from 'node:http'
import type { FacadeMiddleware } from '../context.ts'
import { HttpError } from '../http-error.ts'
import type { Route } from '../routes.ts'

const RETRY_SECONDS = '2'

export interface SheddingOptions {
  /** Limit of the requests that are worked on at a time. */
  maxRequests: number
  /** Limit of the delay of the event loop. */
  maxDelayMs: number
  /** The delay of the event loop. */
  delayMs: () => number
}

/**
 * Refuses requests that would only wait, and would make all others wait. Returns a factory of the middleware of each
 * route; all routes share the count. Vital routes are always served.
 */
export function shedding(
  options: SheddingOptions,
): (route: Pick<Route, 'name' | 'method' | 'isVital'>) => FacadeMiddleware {
  const work = new WorkLimit(options.maxRequests)
  return ({ name, method, isVital }) => {
    if (isVital === true) return (_ctx, next) => next()
    // Other reads wait for nothing but the event loop.
    const isCounted = method !== 'GET' || name === 'logs'
    return async (ctx, next) => {
      if (isLate(options)) throw overloaded()
      const leave = isCounted ? work.enter(ctx.req) : () => undefined
      if (leave === undefined) throw overloaded()
      try {
        await next()
      } finally {
        leave()
      }
    }
  }
}

/** Whether the event loop is too late for more work. */
export function isLate({ maxDelayMs, delayMs }: Pick<SheddingOptions, 'maxDelayMs' | 'delayMs'>): boolean {
  return delayMs() > maxDelayMs
}

/** Limits the requests that are worked on at a time. */
export class WorkLimit {
  readonly #max: number
  readonly #open = new Set<Pick<IncomingMessage, 'complete'>>()

  constructor(max: number) {
    this.#max = max
  }

  /** Begins with a request, or returns undefined if there are too many. Call the returned function at its end. */
  enter(request: Pick<IncomingMessage, 'complete'>): (() => void) | undefined {
    // One whose body is still arriving does not count: slow senders must not crowd out others.
    const isFull =
      this.#open.size >= this.#max && [...this.#open].filter(({ complete }) => complete).length >= this.#max
    if (isFull) return undefined
    this.#open.add(request)
    return () => void this.#open.delete(request)
  }
}

function overloaded(): HttpError {
  return new HttpError(503, 'Overloaded', 'too much work at this moment, try again shortly', {
    'Retry-After': RETRY_SECONDS,
  })
}
