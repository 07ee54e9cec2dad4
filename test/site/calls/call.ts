import { connect } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { expect } from 'chai'
import { asObject } from '../../../src/kube/client/parse.ts'
import { type Exchange, expectDocumented } from '../../documents/documented.ts'
import { TOKEN } from '../site.ts'

/** A response of the facade. */
export interface Answer {
  status: number
  headers: Headers
  /** The parsed JSON body; empty for anything else. */
  body: Record<string, unknown>
  text: string
}

export interface CallOptions {
  method?: string
  /** Sent unchanged; default: the token of every site. */
  headers?: Record<string, string>
  /** Text and bytes are sent unchanged, all else as JSON. */
  body?: unknown
  withinMs?: number
}

/** Opens a response whose body the caller reads; the body read so far is checked against the OpenAPI document. */
export async function openAnswer(url: string, options: RequestInit): Promise<Response> {
  const response = await fetch(url, options)
  const { status, headers } = response
  expectDocumented({ method: options.method ?? 'GET', url, status, headers, text: undefined })
  return response
}

/** One request to the facade, without retries. The response is checked against the OpenAPI document. */
export async function call(
  url: string,
  { method = 'GET', headers, body, withinMs = 10_000 }: CallOptions = {},
): Promise<Answer> {
  const type = body === undefined ? {} : { 'content-type': 'application/json' }
  const response = await fetch(url, {
    method,
    headers: headers ?? { authorization: `Bearer ${TOKEN}`, ...type },
    ...(body !== undefined && { body: bytesOf(body) }),
    signal: AbortSignal.timeout(withinMs),
  })
  const text = await response.text()
  expectDocumented({ method, url, status: response.status, headers: response.headers, text })
  return { status: response.status, headers: response.headers, body: parsed(text), text }
}

/** Whether a response is marked as based on cached data. */
export function isMarkedStale({ headers }: Pick<Answer, 'headers'>): boolean {
  return headers.get('x-runnerhub-stale') === 'true'
}

/** Method and URL of a raw request, if it may reach an operation. */
export type Asked = Pick<Exchange, 'method' | 'url'>

/** A URL without an operation. */
const NOTHING: Asked = { method: '', url: 'http://localhost/' }

/**
 * Sends raw bytes to the port of a URL, and returns all responses until the server closes. Each is checked against the
 * OpenAPI document, as the response to the request at its position, or as one without an operation.
 */
export async function sendRaw(url: string, bytes: string | Buffer, ...asked: Asked[]): Promise<[Answer, ...Answer[]]> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.setTimeout(15_000, () => socket.destroy(new Error('the connection was still open after 15 s')))
  socket.write(bytes)
  return answersIn((await buffer(socket)).toString(), ...asked)
}

/** The responses in HTTP/1.1 bytes, checked against the OpenAPI document as in sendRaw. */
export function answersIn(bytes: string, ...asked: Asked[]): [Answer, ...Answer[]] {
  const [first = '', ...others] = bytes.split(/(?=HTTP\/1\.1 [2-5])/)
  return [checked(first, asked[0]), ...others.map((text, index) => checked(text, asked[index + 1]))]
}

function checked(text: string, asked = NOTHING): Answer {
  const answer = answerOf(text)
  // Bytes that are no request are rejected before routing, and count in no limit.
  const isUnread = [400, 408, 413, 431].includes(answer.status) && !answer.headers.has('x-ratelimit-limit')
  expectDocumented({ ...(isUnread ? NOTHING : asked), ...answer })
  return answer
}

function answerOf(bytes: string): Answer {
  const [head = '', ...rest] = bytes.split('\r\n\r\n')
  const [statusLine = '', ...lines] = head.split('\r\n')
  const pairs = lines.map((line): [string, string] => [line.replace(/:.*/, ''), line.replace(/^[^:]*: */, '')])
  const text = rest.join('\r\n\r\n')
  return { status: Number(statusLine.split(' ')[1]), headers: new Headers(pairs), body: parsed(text), text }
}

/** Checks the form of a failure: the envelope, a message, a code, and no internal detail. */
export function expectFailure({ status, headers, body, text }: Answer, wanted: number, code: string): void {
  expect(status, text).to.equal(wanted)
  expect(headers.get('content-type')).to.equal('application/json; charset=utf-8')
  expect(body, text).to.have.all.keys('success', 'error', 'code', 'metadata')
  expect(body).to.include({ success: false, code })
  expect(body['error']).to.be.a('string').and.not.equal('')
  expectMetadata(body)
  expect(text, 'no internal detail').to.not.match(/node_modules|\.ts:\d|Error:|at async/)
}

export function expectMetadata(body: Record<string, unknown>): void {
  const metadata = asObject(body['metadata'])
  expect(metadata).to.have.all.keys('timestamp', 'version')
  expect(metadata['timestamp']).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  expect(metadata['version']).to.match(/^\d+\.\d+\.\d+/)
}

function bytesOf(body: unknown): string | Uint8Array<ArrayBuffer> {
  if (typeof body === 'string') return body
  return body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body)
}

function parsed(text: string): Record<string, unknown> {
  try {
    return asObject(JSON.parse(text))
  } catch {
    return {}
  }
}
