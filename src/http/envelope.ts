import type { Clock } from '../kube/runtime/clock.ts'
import type { Log } from '../kube/runtime/logger.ts'
import type { FacadeMiddleware } from './context.ts'
import { errorToHttp } from './errors-to-http.ts'
import type { HttpError } from './http-error.ts'

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

/** What stands in the log for an answer that nobody was there to get; no caller ever sees it. */
const CALLER_GONE = 499

/** The body of an answer that is no success. */
export function failure({ message, code }: HttpError, options: EnvelopeOptions): object {
  return { success: false, error: message, code, metadata: metadata(options) } satisfies Envelope
}

function metadata({ clock, version }: EnvelopeOptions): Envelope['metadata'] {
  return { timestamp: clock.now().toISOString(), version }
}

/** A success whose data is JSON text that comes piece by piece. */
export async function* envelopeAround(data: AsyncIterable<string>, options: EnvelopeOptions): AsyncGenerator<string> {
  yield '{"success":true,"data":'
  yield* data
  yield `,"metadata":${JSON.stringify(metadata(options))}}`
}

/** Turns what a route leaves in `ctx.state.data`, or throws, into the envelope. */
export function envelope(options: EnvelopeOptions): FacadeMiddleware {
  const { log } = options
  return async (ctx, next) => {
    try {
      await next()
      const { answer } = ctx.state
      if (answer !== undefined) ctx.body = { success: true, ...answer, metadata: metadata(options) } satisfies Envelope
    } catch (error) {
      const failed = errorToHttp(error)
      const { status, headers } = failed
      // A caller who went away is why his request failed, and gets no answer.
      if (status >= 500 && !ctx.res.destroyed) {
        log.error({ err: error, method: ctx.method, path: ctx.path }, 'request failed')
      }
      ctx.status = status >= 500 && ctx.res.destroyed ? CALLER_GONE : status
      ctx.set({ ...headers })
      ctx.body = failure(failed, options)
    }
  }
}
