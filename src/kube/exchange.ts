import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { WriteGuard } from './client.ts'
import type { Clock } from './clock.ts'
import { ApiError, apiErrorFrom, LeaseLost, Unreachable } from './errors.ts'
import { guardedDispatch } from './guarded-dispatch.ts'
import { describeRequest } from './resource-path.ts'
import { abortable } from './signals.ts'

/** One request, before it has a connection. */
export interface ApiRequest {
  method: string
  path: string
  query?: Record<string, string>
  body?: unknown
  contentType?: string
}

/** One answered or failed request; code 0 means no answer. */
export interface RequestOutcome {
  verb: string
  resource: string
  code: number
  seconds: number
}

/** With what a request goes out. */
export interface Sending {
  dispatcher: Dispatcher
  origin: string
  headers: Readonly<Record<string, string>>
  guard: WriteGuard | undefined
  clock: Clock
  onRequest: ((outcome: RequestOutcome) => void) | undefined
}

type Answer = Dispatcher.ResponseData

/** Sends a request once and reads its answer whole: JSON, or text where the server says so. */
export function exchange(request: ApiRequest, sending: Sending, signal: AbortSignal): Promise<unknown> {
  return observed(request, sending, { timeouts: {}, read: readWhole }, signal)
}

/** Sends a request once and hands out the body as it comes; neither it nor its beginning is awaited with a limit. */
export function openStream(request: ApiRequest, sending: Sending, signal: AbortSignal): Promise<Readable> {
  // A log without a line yet has no headers either: the kubelet sends them with the first bytes.
  const timeouts = { headersTimeout: 0, bodyTimeout: 0 }
  return observed(request, sending, { timeouts, read: (answer) => Promise.resolve(answer.body) }, signal)
}

type Timeouts = Pick<Dispatcher.RequestOptions, 'headersTimeout' | 'bodyTimeout'>

/** What becomes of an answer, and how long it may take. */
interface Reading<R> {
  timeouts: Timeouts
  read: (answer: Answer) => Promise<R>
}

async function observed<R>(
  request: ApiRequest,
  sending: Sending,
  reading: Reading<R>,
  signal: AbortSignal,
): Promise<R> {
  const begun = sending.clock.monotonicMs()
  let code = 0
  try {
    // A request that waits for its connection does not look at its signal.
    const answer = await abortable(dispatch(request, sending, reading.timeouts, signal), signal)
    code = answer.statusCode
    if (code >= 300) throw apiErrorFrom(code, parse(await answer.body.text()), answer.headers)
    return await reading.read(answer)
  } catch (error) {
    throw meaningOf(error, signal)
  } finally {
    const seconds = (sending.clock.monotonicMs() - begun) / 1000
    sending.onRequest?.({
      ...describeRequest(request.method, request.path, request.query?.['watch'] === 'true'),
      code,
      seconds,
    })
  }
}

function dispatch(request: ApiRequest, sending: Sending, timeouts: Timeouts, signal: AbortSignal): Promise<Answer> {
  const { method, path, query = {}, body, contentType = 'application/json' } = request
  const search = new URLSearchParams(query).toString()
  const hasBody = body !== undefined
  const dispatcher =
    sending.guard === undefined ? sending.dispatcher : sending.dispatcher.compose(guardedDispatch(sending.guard))
  return dispatcher.request({
    ...timeouts,
    method,
    signal,
    origin: sending.origin,
    path: search === '' ? path : `${path}?${search}`,
    headers: { accept: 'application/json', ...(hasBody ? { 'content-type': contentType } : {}), ...sending.headers },
    ...(hasBody ? { body: JSON.stringify(body) } : {}),
  })
}

async function readWhole(answer: Answer): Promise<unknown> {
  const text = await answer.body.text()
  const isJson = String(answer.headers['content-type']).startsWith('application/json')
  return isJson ? JSON.parse(text) : text
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** Our own errors and misuse stay what they are, an abort is its reason, and all else is a server that did not answer. */
export function meaningOf(error: unknown, signal: AbortSignal): unknown {
  if (error instanceof ApiError || error instanceof LeaseLost) return error
  if (signal.aborted) return signal.reason
  if (codeOf(error) === 'UND_ERR_INVALID_ARG' || error instanceof TypeError) return error
  return new Unreachable(error instanceof Error ? error.message : String(error), { cause: error })
}

/** True for a server certificate that our CA does not vouch for: nothing was sent, and the CA may have changed. */
export function isUntrusted(error: unknown): boolean {
  return error instanceof Unreachable && /CERT|SELF_SIGNED|^UNABLE_TO_/.test(codeOf(error.cause))
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
