import type { Clock } from '../kube/runtime/clock.ts'
import type { Log } from '../kube/runtime/logger.ts'
import type { FacadeMiddleware } from './context.ts'
import { errorToHttp } from './errors-to-http.ts'
import type { HttpError } from './http-error.ts'

/** Form of every JSON response under /api. */
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

/** Status code in the log and the metrics for a response without a recipient; no caller ever sees it. */
const CALLER_GONE = 499

/** The body of a failure. */
export function failure({ message, code }: HttpError, options: EnvelopeOptions): object {
  return { success: false, error: message, code, metadata: metadata(options) } satisfies Envelope
}

function metadata({ clock, version }: EnvelopeOptions): Envelope['metadata'] {
  return { timestamp: clock.now().toISOString(), version }
}

/** The body of a success whose data is JSON text in chunks. */
export async function* envelopeAround(data: AsyncIterable<string>, options: EnvelopeOptions): AsyncGenerator<string> {
  yield '{"success":true,"data":'
  yield* data
  yield `,"metadata":${JSON.stringify(metadata(options))}}`
}

/** Wraps the response in `ctx.state`, or the error that a route throws, in the envelope. */
export function envelope(options: EnvelopeOptions): FacadeMiddleware {
  const { log } = options
  return async (ctx, next) => {
    try {
      await next()
      const { response } = ctx.state
      if (response !== undefined)
        ctx.body = { success: true, ...response, metadata: metadata(options) } satisfies Envelope
    } catch (error) {
      const failed = errorToHttp(error)
      const { status, headers } = failed
      // A request of a disconnected caller failed for that reason: it is not logged as an error.
      // Under overload, a line for each refusal would be more work.
      if (status >= 500 && failed.code !== 'Overloaded' && !ctx.res.destroyed) {
        log.error({ err: error, method: ctx.method, path: ctx.path }, 'request failed')
      }
      ctx.status = status >= 500 && ctx.res.destroyed ? CALLER_GONE : status
      ctx.set({ ...headers })
      ctx.body = failure(failed, options)
    }
  }
}
