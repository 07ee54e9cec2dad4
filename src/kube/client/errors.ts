import { fieldsOf } from '../../api/json.ts'

/** An error response of the API server, with the fields of its Status body. */
export class ApiError extends Error {
  override name = 'ApiError'
  readonly code: number
  readonly reason: string
  readonly details: unknown
  /** The delay that the server requests, from Retry-After or the Status details. */
  readonly retryAfterMs: number | undefined

  constructor(status: ApiStatus, options?: ErrorOptions) {
    super(status.message, options)
    this.code = status.code
    this.reason = status.reason
    this.details = status.details
    this.retryAfterMs = status.retryAfterMs
  }
}

/** The parsed fields of a Status. */
export interface ApiStatus {
  code: number
  reason: string
  message: string
  details?: unknown
  retryAfterMs?: number | undefined
}

export class Unauthorized extends ApiError {
  override name = 'Unauthorized'
}
export class Forbidden extends ApiError {
  override name = 'Forbidden'
}
/** The namespace is being deleted: it accepts no new objects. */
export class NamespaceTerminating extends Forbidden {
  override name = 'NamespaceTerminating'
}
export class NotFound extends ApiError {
  override name = 'NotFound'
}
/** The object changed since it was read, or a precondition does not hold. */
export class Conflict extends ApiError {
  override name = 'Conflict'
}
export class AlreadyExists extends ApiError {
  override name = 'AlreadyExists'
}
/** A resourceVersion or continue token is too old: list again. */
export class Gone extends ApiError {
  override name = 'Gone'
}
export class Invalid extends ApiError {
  override name = 'Invalid'
}
export class TooManyRequests extends ApiError {
  override name = 'TooManyRequests'
}

/** No valid response: refused, reset, timed out, or malformed. A write may or may not have happened. */
export class Unreachable extends Error {
  override name = 'Unreachable'
}

/** This process may no longer hold the leader's Lease: nothing may be written. */
export class LeaseLost extends Error {
  override name = 'LeaseLost'
}

/** Thrown by a reconcile to requeue its key after a known delay. */
export class RetryLater extends Error {
  override name = 'RetryLater'
  readonly afterMs: number

  constructor(afterMs: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.afterMs = afterMs
  }
}

const byCode: Record<number, typeof ApiError> = {
  401: Unauthorized,
  403: Forbidden,
  404: NotFound,
  409: Conflict,
  410: Gone,
  422: Invalid,
  429: TooManyRequests,
}

/** The typed error for an error response; the body may be a Status, other JSON, text, or empty. */
export function apiErrorFrom(code: number, body: unknown, headers: ResponseHeaders = {}): ApiError {
  const status = statusFrom(code, body, headers)
  const Kind = byCause(status) ?? byCode[status.code] ?? ApiError
  return new Kind(status)
}

/** The error classes that share their status code with another. */
function byCause({ code, reason, details }: ApiStatus): typeof ApiError | undefined {
  if (reason === 'AlreadyExists') return AlreadyExists
  const { causes } = fieldsOf(details)
  const isTerminating = (cause: unknown): boolean => fieldsOf(cause)['reason'] === 'NamespaceTerminating'
  return code === 403 && Array.isArray(causes) && causes.some(isTerminating) ? NamespaceTerminating : undefined
}

/** Response headers in undici's form. */
export type ResponseHeaders = Record<string, string | string[] | undefined>

function statusFrom(code: number, body: unknown, headers: ResponseHeaders): ApiStatus {
  const status = fieldsOf(body)
  const details = status['details']
  return {
    code,
    reason: typeof status['reason'] === 'string' ? status['reason'] : '',
    message: messageOf(code, body, status['message']),
    details,
    retryAfterMs: retryAfterMs(headers['retry-after'], fieldsOf(details)['retryAfterSeconds']),
  }
}

function messageOf(code: number, body: unknown, message: unknown): string {
  if (typeof message === 'string' && message !== '') return message
  if (typeof body === 'string' && body.trim() !== '') return `HTTP ${code}: ${body.trim().slice(0, 200)}`
  return `HTTP ${code}`
}

function retryAfterMs(header: string | string[] | undefined, detail: unknown): number | undefined {
  const seconds = typeof header === 'string' && /^\d+$/.test(header) ? Number(header) : detail
  return typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : undefined
}

/** Whether the API server did not respond, failed, or was too slow. */
export function isOutage(error: unknown): boolean {
  if (error instanceof Unreachable || error instanceof TooManyRequests) return true
  if (error instanceof ApiError) return error.code >= 500
  return error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError')
}
