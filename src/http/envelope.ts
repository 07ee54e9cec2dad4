import type { Clock } from '../kube/clock.ts'
import type { Log } from '../kube/log.ts'
import { errorToHttp } from './errors-to-http.ts'
import type { FacadeMiddleware } from './state.ts'

/** What every JSON answer under /api looks like. */
interface Envelope {
  success: boolean
  data?: unknown
  pagination?: unknown
  error?: string
  code?: string
  metadata: { timestamp: string; version: string }
}

export interface EnvelopeOptions {
  clock: Clock
  log: Log
  version: string
}

/** Turns what a route leaves in `ctx.state.data`, or throws, into the envelope. */
export function envelope({ clock, log, version }: EnvelopeOptions): FacadeMiddleware {
  const metadata = () => ({ timestamp: clock.now().toISOString(), version })
  return async (ctx, next) => {
    try {
      await next()
      const { answer } = ctx.state
      if (answer !== undefined) ctx.body = { success: true, ...answer, metadata: metadata() } satisfies Envelope
    } catch (error) {
      const { status, code, message, headers } = errorToHttp(error)
      // A caller who went away is why his request failed, and gets no answer.
      if (status >= 500 && !ctx.res.destroyed) {
        log.error({ err: error, method: ctx.method, path: ctx.path }, 'request failed')
      }
      ctx.status = status
      ctx.set({ ...headers })
      ctx.body = { success: false, error: message, code, metadata: metadata() } satisfies Envelope
    }
  }
}
