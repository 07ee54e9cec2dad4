/** The machine-readable code of every failure and its meaning. The OpenAPI document lists them. */
export const errorCodes = {
  InvalidRequest: 'A field, a parameter or a header is invalid; the message names it and the reason.',
  Unauthorized: 'The bearer token is missing or unknown.',
  Forbidden: 'The caller lacks the permission that the message names.',
  NotFound: 'The path or the job does not exist.',
  RequestTimeout: 'The request took too long to arrive.',
  MethodNotAllowed: 'The path exists, but not under this method; see the Allow header.',
  IllegalTransition: 'The report contradicts the state of the job.',
  OtherJob: 'The runId or jobId of the report is not that of the job.',
  IdempotencyKeyReused: 'The Idempotency-Key was used before with another body.',
  DelegatedWithoutMessage: 'The same job was delegated before without its message.',
  BodyTooLarge: 'The body is longer than 256 KiB, or the message of a job exceeds its limits, which the text names.',
  RangeNotSatisfiable: 'The log has no such bytes, or several ranges were requested; see the Content-Range header.',
  UnsupportedMediaType: 'The body is not declared to be of a media type that the route accepts.',
  RateLimited: 'Too many requests from this address; see the Retry-After header.',
  TooManyRunners: 'The limit of proxy runners is reached; see the Retry-After header.',
  TooManyStreams: 'The caller already follows as many logs as allowed; see the Retry-After header.',
  HeadersTooLarge: 'The headers are longer than 16 KiB.',
  InternalError: 'Internal error; see the operator log.',
  Overloaded: 'The process has too much work at this moment; see the Retry-After header.',
  Busy: 'The job is being changed by other requests; see the Retry-After header.',
  ClusterUnavailable: 'The cluster is unavailable; see the Retry-After header.',
} as const

export type ErrorCode = keyof typeof errorCodes

/** A response other than success. Its message is shown to the caller. */
export class HttpError extends Error {
  override name = 'HttpError'
  readonly status: number
  readonly code: ErrorCode
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, code: ErrorCode, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.status = status
    this.code = code
    this.headers = headers
  }
}

/** 400; the message names the field and the reason. */
export function badRequest(message: string): HttpError {
  return new HttpError(400, 'InvalidRequest', message)
}

export function notFound(what: string): HttpError {
  return new HttpError(404, 'NotFound', `${what} not found`)
}
