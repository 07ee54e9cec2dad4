import type { IncomingMessage } from 'node:http'
import { isRecord } from '../../kube/client/parse.ts'
import { badRequest, HttpError } from '../http-error.ts'
import { callerGone } from './request-signal.ts'

const MAX_BODY_BYTES = 256 * 1024
const MAX_DEPTH = 32
/** So much of a field's name is told of those that cannot be used. */
const MAX_NAME_LENGTH = 100
const MAX_VALUES = 20_000
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
  return Number(headers['content-length']) > MAX_BODY_BYTES
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
      if (length <= MAX_BODY_BYTES) chunks.push(chunk)
    })
    request.once('end', () => (length > MAX_BODY_BYTES ? reject(tooLong()) : resolve(Buffer.concat(chunks))))
    request.once('error', reject)
    // Also of one that has gone before anybody asked for its body, of which nothing more is told.
    if (request.destroyed) reject(callerGone)
    else request.once('close', () => reject(callerGone))
  })
}

/** As Node.js understands it. */
function isAsking({ headers }: IncomingMessage): boolean {
  return /(^|\W)100-continue($|\W)/i.test(headers.expect ?? '')
}

function tooLong(headers: Record<string, string> = {}): HttpError {
  return new HttpError(413, 'BodyTooLarge', `the body is longer than ${MAX_BODY_BYTES / 1024} KiB`, headers)
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(utf8.decode(bytes))
  } catch {
    throw badRequest('body is not valid JSON in UTF-8')
  }
}

/** An object or an array of the body. */
interface Part {
  fields: Readonly<Record<string, unknown>>
  depth: number
  /** Where it is; nowhere is what the body itself is in. */
  place?: Place
}

interface Place {
  parent: Part
  key: string
}

/** What the value at a place is called in refusals; nothing for the whole body. */
function nameOf({ parent, key }: Place): string {
  if (parent.place === undefined) return ''
  const name = nameOf(parent.place)
  if (Array.isArray(parent.fields)) return `${name}[${key}]`
  return name === '' ? key : `${name}.${key}`
}

/** Walks without recursion: the depth is the sender's choice. Nothing is made for texts and numbers, which most are. */
function checkShape(body: unknown): void {
  const open: Part[] = [{ fields: { body }, depth: -1 }]
  let seen = 0
  for (let part = open.pop(); part !== undefined; part = open.pop()) {
    const { fields, depth } = part
    if (depth >= MAX_DEPTH) throw badRequest(`body is nested deeper than ${MAX_DEPTH}`)
    for (const key of Object.keys(fields)) {
      if (++seen > MAX_VALUES) throw badRequest(`body holds more than ${MAX_VALUES} values`)
      if (forbiddenKeys.has(key)) throw badRequest(`body: the key ${key} is not allowed`)
      const value = fields[key]
      if (typeof value === 'string') checkText(value, part, key)
      else if (isRecord(value)) open.push({ fields: value, depth: depth + 1, place: { parent: part, key } })
    }
  }
}

/** Half of a surrogate pair can be in no UTF-8, so it would be stored as something else. */
function checkText(text: string, parent: Part, key: string): void {
  if (text.isWellFormed()) return
  throw badRequest(`${nameOf({ parent, key }).slice(0, MAX_NAME_LENGTH) || 'body'} must be Unicode text`)
}
