import type { Failure } from './contract.ts'

/** No response came, or one that is not from the API, such as that of a proxy in front. */
export class NoAnswer extends Error {
  override name = 'NoAnswer'
}

/** The API rejected a call. */
export class Refused extends Error {
  override name = 'Refused'
  readonly status: number
  readonly code: Failure['code']
  /** When to retry, if the response says so. */
  readonly retryAfterMs: number | undefined

  constructor(text: string, { status, code, retryAfterMs }: Pick<Refused, 'status' | 'code' | 'retryAfterMs'>) {
    super(text)
    this.status = status
    this.code = code
    this.retryAfterMs = retryAfterMs
  }
}

/** The error for a response other than success. */
export async function refusalOf(response: Response): Promise<Refused | NoAnswer> {
  const { status, headers } = response
  const body: unknown = await response.json().catch(() => undefined)
  if (!isFailure(body)) return new NoAnswer(`the response ${status} is not from RunnerHub`)
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  const retryAfterMs = Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined
  return new Refused(body.error, { status, code: body.code, retryAfterMs })
}

function isFailure(body: unknown): body is Pick<Failure, 'error' | 'code'> {
  if (typeof body !== 'object' || body === null) return false
  const { success, error, code } = Object.fromEntries(Object.entries(body))
  return success === false && typeof error === 'string' && typeof code === 'string'
}
