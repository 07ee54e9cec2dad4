import type { IncomingMessage } from 'node:http'
import { isRecord } from '../../kube/client/parse.ts'
import { type BodyLimit, jsonLimit, limitOf } from './body-limit.ts'
import { badRequest, HttpError } from '../http-error.ts'
import { callerGone } from './request-signal.ts'

const MAX_DEPTH = 32
/** Longest part of a field's name that an error message repeats. */
const MAX_NAME_LENGTH = 100
const MAX_VALUES = 20_000
/** Shared instance: creating a decoder takes longer than decoding an ordinary body. */
const utf8 = new TextDecoder('utf-8', { fatal: true })
const forbiddenKeys = new Set(['__proto__', 'constructor', 'prototype'])

/** Reads a JSON body of at most 256 KiB and 32 levels; rejects keys that could reach a prototype. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  checkType(request)
  return parseJson(await readBytes(request, jsonLimit))
}

/** Like readJson; undefined for an empty body. */
export async function readOptionalJson(request: IncomingMessage): Promise<unknown> {
  const bytes = await readBytes(request, jsonLimit)
  if (bytes.length === 0) return undefined
  checkType(request)
  return parseJson(bytes)
}

function checkType(request: IncomingMessage): void {
  const type = request.headers['content-type'] ?? ''
  if (!/^application\/([\w.-]+\+)?json\s*(;|$)/i.test(type)) {
    throw new HttpError(415, 'UnsupportedMediaType', 'Content-Type must be application/json')
  }
  if (!/^(identity)?$/i.test(request.headers['content-encoding'] ?? '')) {
    throw new HttpError(415, 'UnsupportedMediaType', 'Content-Encoding is not supported, send the body unencoded')
  }
}

/** Parses JSON that a caller sent, with the same limits on its shape. */
export function parseJson(bytes: Buffer): unknown {
  const value = parse(bytes)
  checkShape(value)
  return value
}

/** Whether the Content-Length of a request is over the limit. */
export function isTooLong({ headers }: IncomingMessage): boolean {
  return Number(headers['content-length']) > limitOf(headers).bytes
}

/**
 * Reads also a body that is too long to its end, within the timeout of a request: a sender that is cut off would not see
 * the response.
 */
export function readBytes(request: IncomingMessage, { bytes: longest, refusal }: BodyLimit): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // The sender waits for 100 Continue before it sends the body.
    if (isTooLong(request) && expectsContinue(request)) return reject(tooLong(refusal, { Connection: 'close' }))
    const chunks: Buffer[] = []
    let length = 0
    request.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length <= longest) chunks.push(chunk)
    })
    request.once('end', () => (length > longest ? reject(tooLong(refusal)) : resolve(Buffer.concat(chunks))))
    request.once('error', reject)
    // A request that was closed earlier emits no more events.
    if (request.destroyed) reject(callerGone)
    else request.once('close', () => reject(callerGone))
  })
}

/** Whether a request expects 100 Continue, by the same expression as in Node.js. */
function expectsContinue({ headers }: IncomingMessage): boolean {
  return /(^|\W)100-continue($|\W)/i.test(headers.expect ?? '')
}

function tooLong(refusal: string, headers: Record<string, string> = {}): HttpError {
  return new HttpError(413, 'BodyTooLarge', refusal, headers)
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
  /** Its place in the body; undefined for the wrapper of the body itself. */
  place?: Place
}

interface Place {
  parent: Part
  key: string
}

/** The name of a value in error messages; empty for the whole body. */
function nameOf({ parent, key }: Place): string {
  if (parent.place === undefined) return ''
  const name = nameOf(parent.place)
  if (Array.isArray(parent.fields)) return `${name}[${key}]`
  return name === '' ? key : `${name}.${key}`
}

/** Walks without recursion, since the sender chooses the depth. Strings and numbers, which most values are, cost no allocation. */
function checkShape(body: unknown): void {
  const open: Part[] = [{ fields: { body }, depth: -1 }]
  let seen = 0
  for (let part = open.pop(); part !== undefined; part = open.pop()) {
    const { fields, depth } = part
    if (depth >= MAX_DEPTH) throw badRequest(`body is nested deeper than ${MAX_DEPTH}`)
    for (const key of Object.keys(fields)) {
      if (++seen > MAX_VALUES) throw badRequest(`body has more than ${MAX_VALUES} values`)
      if (forbiddenKeys.has(key)) throw badRequest(`body: the key ${key} is not allowed`)
      const value = fields[key]
      if (typeof value === 'string') checkText(value, part, key)
      else if (isRecord(value)) open.push({ fields: value, depth: depth + 1, place: { parent: part, key } })
    }
  }
}

/** UTF-8 cannot encode half of a surrogate pair, so it would be stored as something else. */
function checkText(text: string, parent: Part, key: string): void {
  if (text.isWellFormed()) return
  throw badRequest(`${nameOf({ parent, key }).slice(0, MAX_NAME_LENGTH) || 'body'} must be Unicode text`)
}
