/** An answer other than success. Its message is shown to the caller. */
export class HttpError extends Error {
  override name = 'HttpError'
  readonly status: number
  /** One word for machines. */
  readonly code: string
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
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
