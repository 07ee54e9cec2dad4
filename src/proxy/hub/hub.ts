import { readFile } from 'node:fs/promises'
import { type IncomingHttpHeaders, type IncomingMessage, request as plainRequest, type RequestOptions } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { elementsOf, fieldsOf, parsed } from '../../api/json.ts'
import { textOf } from '../json.ts'
import { oneLine } from '../job/ending.ts'

/** The hub does not answer, or not as a hub does. */
export class Unreachable extends Error {
  override name = 'Unreachable'
  /** Whether it may have got the call all the same. */
  readonly mayHaveArrived: boolean

  constructor(text: string, mayHaveArrived: boolean) {
    super(text)
    this.mayHaveArrived = mayHaveArrived
  }
}

/** The hub has refused a call: its status, its word and text for it. */
export class Refused extends Error {
  override name = 'Refused'
  readonly status: number
  readonly code: string
  /** When it says to come again. */
  readonly retryAfterMs: number | undefined

  constructor(status: number, code: string, text: string, retryAfterMs: number | undefined) {
    super(text)
    this.status = status
    this.code = code
    this.retryAfterMs = retryAfterMs
  }
}

/** An answer: its JSON, and what its headers say of the rate limit. */
export interface Answer {
  status: number
  body: unknown
  headers: IncomingHttpHeaders
}

export interface Call {
  method?: 'GET' | 'POST'
  body?: { type: string; bytes: Uint8Array }
  /** How long an answer may take. */
  withinMs?: number
}

export interface HubOptions {
  url: URL
  tokenFile: string
  caFile?: string
}

/** Longest answer that is read. */
const MOST_BYTES = 4 * 1024 * 1024

/** The REST API of the hub, for the callers of this proxy. */
export class Hub {
  readonly #options: HubOptions

  constructor(options: HubOptions) {
    this.#options = options
  }

  get url(): string {
    return this.#options.url.href.replace(/\/+$/, '')
  }

  /** The token and the CA of a connection. The files are read each time, since both are replaced now and then. */
  async credentials(): Promise<{ token: string; ca?: Buffer }> {
    const { tokenFile, caFile } = this.#options
    const token = (await readable('RUNNERHUB_TOKEN_FILE', tokenFile)).toString('utf8').trim()
    if (!/^[\x21-\x7e]+$/.test(token)) throw new Unreachable(`RUNNERHUB_TOKEN_FILE: ${tokenFile} holds no token`, false)
    return { token, ...(caFile !== undefined && { ca: await readable('RUNNERHUB_CA_FILE', caFile) }) }
  }

  /** One call. Refused where the hub says no, Unreachable where there is no answer. */
  async call(path: string, call: Call, signal: AbortSignal): Promise<Answer> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(call.withinMs ?? 30_000)])
    const response = await this.#send(path, call, limit)
    const body = parsed(await textIn(response, limit))
    const { statusCode = 0, headers } = response
    if (statusCode >= 200 && statusCode < 300) return { status: statusCode, body, headers }
    throw refusal(statusCode, body, headers)
  }

  /** Opens an answer that has no end yet. */
  async open(path: string, signal: AbortSignal): Promise<IncomingMessage> {
    const response = await this.#send(path, {}, signal)
    const { statusCode = 0, headers } = response
    if (statusCode === 200) return response
    throw refusal(statusCode, parsed(await textIn(response, signal)), headers)
  }

  async #send(path: string, { method = 'GET', body }: Call, signal: AbortSignal): Promise<IncomingMessage> {
    const { token, ca } = await this.credentials()
    const url = new URL(`${this.url}${path}`)
    const options: RequestOptions & { ca?: Buffer } = {
      method,
      signal,
      headers: {
        authorization: `Bearer ${token}`,
        accept: 'application/json, text/plain',
        'user-agent': 'runnerhub-worker',
        ...(body !== undefined && { 'content-type': body.type, 'content-length': body.bytes.length }),
      },
      ...(ca !== undefined && { ca }),
    }
    return new Promise((resolve, reject) => {
      const request =
        url.protocol === 'https:' ? tlsRequest(url, options, resolve) : plainRequest(url, options, resolve)
      let isConnected = false
      const connected = url.protocol === 'https:' ? 'secureConnect' : 'connect'
      request.on('socket', (socket) => {
        // One that was used before is connected already.
        if (!socket.connecting) isConnected = true
        else socket.once(connected, () => (isConnected = true))
      })
      request.on('error', (error) => reject(unreachable(error, signal, isConnected)))
      request.end(body?.bytes)
    })
  }
}

/** The `data` of an answer. */
export function dataOf({ body }: Answer): Record<string, unknown> {
  return fieldsOf(fieldsOf(body)['data'])
}

/** An error in a few words: what a connection failed of, without what was sent. */
export function wordsOf(error: unknown): string {
  if (error instanceof Refused) return oneLine(`${error.status} ${error.code}: ${error.message}`)
  if (!(error instanceof Error)) return oneLine(String(error))
  const parts = elementsOf('errors' in error ? error.errors : undefined)
  return oneLine(parts.length > 0 ? parts.map(wordsOf).join(', ') : error.message || error.name)
}

function refusal(status: number, body: unknown, headers: IncomingHttpHeaders): Error {
  const { code, error, success } = fieldsOf(body)
  // A proxy in between answers for a hub that is away; only a hub says no in this form.
  if (success !== false && status >= 500) return new Unreachable(`it answers ${status}`, status !== 503)
  const seconds = Number(headers['retry-after'] ?? Number.NaN)
  const retryAfterMs = Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined
  return new Refused(status, textOf(code) ?? 'NoReason', oneLine(textOf(error) ?? 'no text'), retryAfterMs)
}

function unreachable(error: unknown, signal: AbortSignal, mayHaveArrived: boolean): Error {
  const timedOut = signal.aborted && signal.reason instanceof Error && signal.reason.name === 'TimeoutError'
  return new Unreachable(timedOut ? 'no answer in time' : wordsOf(error), mayHaveArrived)
}

async function textIn(response: IncomingMessage, signal: AbortSignal): Promise<string> {
  const pieces: Buffer[] = []
  let length = 0
  try {
    for await (const piece of response) {
      if (!Buffer.isBuffer(piece)) continue
      length += piece.length
      if (length > MOST_BYTES) throw new Unreachable('its answer is too long', true)
      pieces.push(piece)
    }
  } catch (error) {
    throw error instanceof Unreachable ? error : unreachable(error, signal, true)
  }
  return Buffer.concat(pieces).toString('utf8')
}

async function readable(setting: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (error) {
    throw new Unreachable(`${setting}: ${path} cannot be read: ${wordsOf(error)}`, false)
  }
}
