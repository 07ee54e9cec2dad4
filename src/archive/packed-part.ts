import { promisify } from 'node:util'
import { crc32, gunzip, gzip } from 'node:zlib'
import { isRecord } from '../kube/client/parse.ts'
import { type Member, membersToRead, type PartHeader, type Span, type Wanted } from '../domain/log/archive-index.ts'
import type { HandedOnSnapshot } from '../domain/log/handed-on.ts'

const pack = promisify(gzip)
const unpack = promisify(gunzip)

/** Bytes that a part may unpack to; writers stay far below it. */
const LONGEST_PART = 64 * 1024 * 1024

/** One member of a gzip file. Members one after the other are a gzip file too. */
export function packMember(lines: Buffer): Promise<Buffer> {
  return pack(lines)
}

/** Text of a part, and how many of its lines or bytes are before it. */
export interface Unpacked {
  text: Buffer
  before: number
}

/** Unpacks the members of a part that have what is wanted; all of a part without an index of members. */
export async function unpackPart(part: Buffer, { members = [] }: PartHeader, wanted: Wanted): Promise<Unpacked> {
  const first = part.length - members.reduce((sum, { packed }) => sum + packed, 0)
  const isWhole = members.length === 0 || first < 0
  const { at, packed, before } = membersToRead(members, wanted)
  const stored = isWhole ? part : part.subarray(first + at, first + at + packed)
  const text = stored.length === 0 ? stored : await unpack(stored, { maxOutputLength: LONGEST_PART })
  return { text, before: isWhole ? 0 : before }
}

// The fixed fields of a gzip header with a comment, and an empty block of deflate with its checksum and length.
const HEADER = Buffer.from([0x1f, 0x8b, 8, 0x10, 0, 0, 0, 0, 0, 0xff])
const EMPTY = Buffer.concat([Buffer.from([3, 0]), uint32(crc32('')), uint32(0)])

/**
 * A part in the form in which stores keep it: gzip, which every tool unpacks. Its first member is empty, with the header
 * as its comment.
 */
export function packPart(header: PartHeader, members: readonly Buffer[]): Buffer {
  // A comment ends with a zero byte, and its characters are Latin-1.
  const json = JSON.stringify(header).replaceAll(/[^ -~]/g, escaped)
  return Buffer.concat([HEADER, Buffer.from(json, 'latin1'), Buffer.from([0]), EMPTY, ...members])
}

/** The header of a part; undefined if these bytes are none. */
export function headerOf(part: Buffer): PartHeader | undefined {
  const end = part.indexOf(0, HEADER.length)
  if (!part.subarray(0, 4).equals(HEADER.subarray(0, 4)) || end < 0) return undefined
  let parsed: unknown
  try {
    parsed = JSON.parse(part.toString('latin1', HEADER.length, end))
  } catch {
    return undefined
  }
  return isHeader(parsed) ? parsed : undefined
}

function isHeader(value: unknown): value is PartHeader {
  if (!isRecord(value)) return false
  const { parts, members, position, end } = value
  if (members !== undefined && !(Array.isArray(members) && members.every(isMember))) return false
  if (!Array.isArray(parts) || !parts.every(isSpan)) return false
  if (position !== undefined && !isSnapshot(position)) return false
  return end === undefined || end === 'whole' || end === 'cut'
}

function isSpan(value: unknown): value is Span {
  return hasIntegers(value, ['line', 'lines', 'at', 'bytes', 'packed', 'second'])
}

function isMember(value: unknown): value is Member {
  return hasIntegers(value, ['lines', 'bytes', 'packed'])
}

function hasIntegers(value: unknown, keys: readonly string[]): boolean {
  return isRecord(value) && keys.every((key) => Number.isSafeInteger(value[key]))
}

function isSnapshot(value: unknown): value is HandedOnSnapshot {
  if (!isRecord(value)) return false
  const { seconds, count, bytes, last, latest } = value
  const isSecond = (each: unknown): boolean =>
    Array.isArray(each) &&
    each.length === 4 &&
    each.every((item, at) => typeof item === (at === 2 ? 'string' : 'number'))
  const isNumbered = typeof count === 'number' && typeof bytes === 'number'
  return (
    isNumbered &&
    typeof last === 'string' &&
    typeof latest === 'string' &&
    Array.isArray(seconds) &&
    seconds.every(isSecond)
  )
}

function escaped(character: string): string {
  return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
