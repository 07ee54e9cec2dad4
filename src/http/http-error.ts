/** One word for machines in every failure, and what it means. The API's document lists them. */
export const errorCodes = {
  InvalidRequest: 'A field, a parameter or a header cannot be used; the text names it and says why.',
  Unauthorized: 'The bearer token is missing or unknown.',
  Forbidden: 'The caller lacks the right that the text names.',
  NotFound: 'There is no such path, or no such job.',
  RequestTimeout: 'The request took too long to arrive.',
  MethodNotAllowed: 'The path exists, but not under this method; see the Allow header.',
  IllegalTransition: 'The report contradicts the state that the job is in.',
  OtherJob: 'The report names another run or job than that of the path.',
  IdempotencyKeyReused: 'The Idempotency-Key was used before, for another body.',
  BodyTooLarge: 'The body is longer than 256 KiB.',
  UnsupportedMediaType: 'The body is not declared to be JSON.',
  RateLimited: 'Too many requests from this address; see the Retry-After header.',
  TooManyRunners: 'There is no room for one more proxy runner; see the Retry-After header.',
  TooManyStreams: 'This caller follows as many logs as it may; see the Retry-After header.',
  HeadersTooLarge: 'The headers are longer than 16 KiB.',
  InternalError: 'Our fault; the log of the operator tells more.',
  Busy: 'Others are changing the job in this moment; see the Retry-After header.',
  ClusterUnavailable: 'The cluster does not answer; see the Retry-After header.',
} as const

export type ErrorCode = keyof typeof errorCodes

/** An answer other than success. Its message is shown to the caller. */
export class HttpError extends Error {
  override name = 'HttpError'
  readonly status: number
  /** One word for machines. */
  readonly code: ErrorCode
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, code: ErrorCode, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.status = status
    this.code = code
    this.headers = headers
  }
}

/** What the caller sent cannot be used; the message names field and reason. */
export function badRequest(message: string): HttpError {
  return new HttpError(400, 'InvalidRequest', message)
}

export function notFound(what: string): HttpError {
  return new HttpError(404, 'NotFound', `${what} not found`)
}
