import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { MalformedEvent } from '../cache/watch.ts'
import type { WriteGuard } from '../election/write-guard.ts'
import type { Clock } from '../runtime/clock.ts'
import { abortable } from '../runtime/signals.ts'
import { ApiError, apiErrorFrom, LeaseLost, Unreachable } from './errors.ts'
import { guardedDispatch, GuardedHandler } from './guarded-dispatch.ts'
import { describeRequest } from './resource-path.ts'
import { bufferResponse } from './response.ts'

/** One request, not yet assigned to a connection. */
export interface ApiRequest {
  method: string
  path: string
  query?: Record<string, string>
  body?: unknown
  contentType?: string
  /** Another form of the answer than the resource's own. */
  accept?: string
}

/** One completed or failed request; code 0 means no response. */
export interface RequestOutcome {
  verb: string
  resource: string
  code: number
  seconds: number
}

/** The connection, headers and guard of a request. */
export interface RequestContext {
  dispatcher: Dispatcher
  origin: string
  headers: Readonly<Record<string, string>>
  guard: WriteGuard | undefined
  clock: Clock
  onRequest: ((outcome: RequestOutcome) => void) | undefined
  onDate: ((date: string, tookMs: number) => void) | undefined
}

/** Sends a request once and reads the whole response: JSON, or text where the content type is not JSON. */
export function exchange(request: ApiRequest, context: RequestContext, signal: AbortSignal): Promise<unknown> {
  return measured(request, context, signal, async (onStatus) => {
    const { dispatcher, guard, clock, onDate } = context
    const sentMs = clock.monotonicMs()
    const { statusCode, headers, text } = await bufferResponse((handler) => {
      const guarded = guard === undefined ? handler : new GuardedHandler(guard, handler)
      dispatcher.dispatch(optionsOf(request, context), guarded)
    }, signal)
    if (headers.date !== undefined) onDate?.(headers.date, clock.monotonicMs() - sentMs)
    onStatus(statusCode)
    if (statusCode >= 300) throw apiErrorFrom(statusCode, parse(text), headers)
    const isJson = String(headers['content-type']).startsWith('application/json')
    const content: unknown = isJson ? JSON.parse(text) : text
    return content
  })
}

/** Sends a request once and streams the response body, with no header or body timeout. */
export function openStream(request: ApiRequest, context: RequestContext, signal: AbortSignal): Promise<Readable> {
  return measured(request, context, signal, async (onStatus) => {
    const { dispatcher, guard } = context
    const guarded = guard === undefined ? dispatcher : dispatcher.compose(guardedDispatch(guard))
    // The kubelet sends the headers of a log with its first bytes: an empty log has none yet.
    const options = { ...optionsOf(request, context), signal, headersTimeout: 0, bodyTimeout: 0 }
    // A request that waits for a connection ignores its signal.
    const { statusCode, headers, body } = await abortable(guarded.request(options), signal)
    onStatus(statusCode)
    if (statusCode >= 300) throw apiErrorFrom(statusCode, parse(await body.text()), headers)
    return body
  })
}

async function measured<R>(
  request: ApiRequest,
  context: RequestContext,
  signal: AbortSignal,
  send: (onStatus: (code: number) => void) => Promise<R>,
): Promise<R> {
  const startedMs = context.clock.monotonicMs()
  let code = 0
  try {
    return await send((statusCode) => {
      code = statusCode
    })
  } catch (error) {
    throw normaliseError(error, signal)
  } finally {
    const seconds = (context.clock.monotonicMs() - startedMs) / 1000
    context.onRequest?.({
      ...describeRequest(request.method, request.path, request.query?.['watch'] === 'true'),
      code,
      seconds,
    })
  }
}

function optionsOf(request: ApiRequest, { origin, headers }: RequestContext): Dispatcher.DispatchOptions {
  const { method, path, query, body, contentType = 'application/json', accept = 'application/json' } = request
  const search = query === undefined ? '' : new URLSearchParams(query).toString()
  const hasBody = body !== undefined
  return {
    method,
    origin,
    path: search === '' ? path : `${path}?${search}`,
    headers: { accept, ...(hasBody ? { 'content-type': contentType } : {}), ...headers },
    ...(hasBody ? { body: JSON.stringify(body) } : {}),
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

const ours = [ApiError, LeaseLost, MalformedEvent, Unreachable]

/** Keeps our own errors and misuse, maps an abort to its reason, and everything else to Unreachable. */
export function normaliseError(error: unknown, signal: AbortSignal): unknown {
  if (ours.some((Kind) => error instanceof Kind)) return error
  if (signal.aborted) return signal.reason
  if (codeOf(error) === 'UND_ERR_INVALID_ARG' || error instanceof TypeError) return error
  return new Unreachable(error instanceof Error ? error.message : String(error), { cause: error })
}

/** Whether our CA does not verify the server's certificate: nothing was sent, and the CA may have rotated. */
export function isUntrusted(error: unknown): boolean {
  return error instanceof Unreachable && /CERT|SELF_SIGNED|^UNABLE_TO_/.test(codeOf(error.cause))
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
