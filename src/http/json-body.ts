import type { IncomingMessage } from 'node:http'
import { HttpError, badRequest } from './http-error.ts'

const LONGEST = 256 * 1024
const DEEPEST = 32
/** So much of a field's name is told of those that cannot be used. */
const LONGEST_NAME = 100
const MOST_VALUES = 20_000
/** Made once: making one takes longer than an ordinary body does to be decoded. */
const utf8 = new TextDecoder('utf-8', { fatal: true })
const forbiddenKeys = new Set(['__proto__', 'constructor', 'prototype'])

/** Reads a JSON body: at most 256 KiB, at most 32 deep, without the keys that could reach a prototype. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  checkType(request)
  return valueOf(await readBytes(request))
}

/** As readJson; undefined where there is no body at all. */
export async function readOptionalJson(request: IncomingMessage): Promise<unknown> {
  const bytes = await readBytes(request)
  if (bytes.length === 0) return undefined
  checkType(request)
  return valueOf(bytes)
}

function checkType(request: IncomingMessage): void {
  const type = request.headers['content-type'] ?? ''
  if (!/^application\/([\w.-]+\+)?json\s*(;|$)/i.test(type)) {
    throw new HttpError(415, 'UnsupportedMediaType', 'Content-Type must be application/json')
  }
  if (!/^(identity)?$/i.test(request.headers['content-encoding'] ?? '')) {
    throw new HttpError(415, 'UnsupportedMediaType', 'Content-Encoding is not supported: send the body as it is')
  }
}

function valueOf(bytes: Buffer): unknown {
  const value = parse(bytes)
  checkShape(value)
  return value
}

/** Whether a body announces that it is longer than any that is taken. */
export function isTooLong({ headers }: IncomingMessage): boolean {
  return Number(headers['content-length']) > LONGEST
}

/** Reads also what is too long to its end, for as long as a request may take: hung up on, its sender sees no answer. */
function readBytes(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // Its sender waits for a word before it sends anything.
    if (isTooLong(request) && isAsking(request)) return reject(tooLong({ Connection: 'close' }))
    const chunks: Buffer[] = []
    let length = 0
    request.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length <= LONGEST) chunks.push(chunk)
    })
    request.once('end', () => (length > LONGEST ? reject(tooLong()) : resolve(Buffer.concat(chunks))))
    request.once('error', reject)
    // Also of one that has gone before anybody asked for its body, of which nothing more is told.
    const gone = (): void => reject(new Error('the caller has gone'))
    if (request.destroyed) gone()
    else request.once('close', gone)
  })
}

/** As Node.js understands it. */
function isAsking({ headers }: IncomingMessage): boolean {
  return /(^|\W)100-continue($|\W)/i.test(headers.expect ?? '')
}

function tooLong(headers: Record<string, string> = {}): HttpError {
  return new HttpError(413, 'BodyTooLarge', `the body is longer than ${LONGEST / 1024} KiB`, headers)
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(utf8.decode(bytes))
  } catch {
    throw badRequest('body is not valid JSON in UTF-8')
  }
}

interface Part {
  value: unknown
  depth: number
  /** Its place; the whole has none. */
  place?: { parent: Part; key: string }
}

/** What a part is called in refusals; nothing for the whole. */
function nameOf({ place }: Part): string {
  if (place === undefined) return ''
  const { parent, key } = place
  if (Array.isArray(parent.value)) return `${nameOf(parent)}[${key}]`
  return parent.place === undefined ? key : `${nameOf(parent)}.${key}`
}

/** Walks without recursion: the depth is the sender's choice. */
function checkShape(root: unknown): void {
  const open: Part[] = [{ value: root, depth: 0 }]
  let seen = 0
  for (let part = open.pop(); part !== undefined; part = open.pop()) {
    const { value, depth } = part
    if (++seen > MOST_VALUES) throw badRequest(`body holds more than ${MOST_VALUES} values`)
    // Half of a surrogate pair: no UTF-8 can hold it, so it would be stored as something else.
    if (typeof value === 'string' && !value.isWellFormed())
      throw badRequest(`${nameOf(part).slice(0, LONGEST_NAME) || 'body'} must be Unicode text`)
    if (typeof value !== 'object' || value === null) continue
    if (depth >= DEEPEST) throw badRequest(`body is nested deeper than ${DEEPEST}`)
    for (const [key, child] of Object.entries(value)) {
      if (forbiddenKeys.has(key)) throw badRequest(`body: the key ${key} is not allowed`)
      open.push({ value: child, depth: depth + 1, place: { parent: part, key } })
    }
  }
}
