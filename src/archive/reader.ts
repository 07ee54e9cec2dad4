import {
  cutLine,
  type Gap,
  gapLine,
  LAST_PART,
  latestPart,
  linesOf,
  nameOf,
  type PartHeader,
  partsToRead,
  secondStart,
  tailStart,
  type Wanted,
} from '../domain/log/archive-index.ts'
import { headerOf, type Unpacked, unpackPart } from './packed-part.ts'
import type { ArchiveStore, Attempt } from './store.ts'

const NEWLINE = 10

/** Lines of a log. A marker stands where lines are missing, and is no line of the log. */
export interface Piece {
  text: Buffer
  isMarker?: true
}

/** The header of the latest part of an attempt, which may not be the last; undefined if nothing is stored. */
export async function latestHeader(
  store: ArchiveStore,
  attempt: Attempt,
  signal: AbortSignal,
): Promise<PartHeader | undefined> {
  const names = await store.names(attempt, signal)
  const name = names.includes(LAST_PART) ? LAST_PART : latestPart(names)
  const part = name === undefined ? undefined : await store.get(attempt, name, signal)
  return part === undefined ? undefined : headerOf(part)
}

/** The archived log of an attempt, as text. */
export class ArchivedLog {
  readonly #store: ArchiveStore
  readonly #attempt: Attempt
  readonly #last: Buffer
  readonly #header: PartHeader

  private constructor(store: ArchiveStore, attempt: Attempt, last: Buffer, header: PartHeader) {
    this.#store = store
    this.#attempt = attempt
    this.#last = last
    this.#header = header
  }

  /** Reads the last part, which knows the others; undefined if the log was not archived to its end. */
  static async open(store: ArchiveStore, attempt: Attempt, signal: AbortSignal): Promise<ArchivedLog | undefined> {
    const last = await store.get(attempt, LAST_PART, signal)
    const header = last === undefined ? undefined : headerOf(last)
    return last === undefined || header === undefined ? undefined : new ArchivedLog(store, attempt, last, header)
  }

  /** Lines of the log, those included that were left out. */
  get lines(): number {
    return linesOf(this.#header.parts)
  }

  /** Whether lines are missing: at the beginning, in the middle or at the end. */
  get isIncomplete(): boolean {
    const { parts, end, lacksBeginning } = this.#header
    return end === 'cut' || lacksBeginning === true || parts.reduce((sum, { lines }) => sum + lines, 0) < this.lines
  }

  /** Bytes of the log; undefined if lines are missing, since marker lines stand in their place then. */
  get bytes(): number | undefined {
    const last = this.#header.parts.at(-1)
    return this.isIncomplete || last === undefined ? undefined : last.at + last.bytes
  }

  /** Identifies the log among all logs. */
  get id(): string {
    return this.#attempt.podUid
  }

  /** The number of the line that begins the last so many lines. */
  tailStart(tail: number): number {
    return tailStart(this.#header.parts, tail)
  }

  /** The number of a line before which no line has this time or a later one. */
  secondStart(second: number): number {
    return secondStart(this.#header.parts, second)
  }

  /** The lines from one number to another, part by part. Marker lines say where lines are missing. */
  async *read(from: number, to: number, signal: AbortSignal): AsyncGenerator<Piece> {
    const { parts, end } = this.#header
    let missing = noGap
    let latest = '1970-01-01T00:00:00Z'
    for (const { index, skip, take, gap } of partsToRead(parts, from, to)) {
      missing = sumOf(missing, gap)
      const unpacked = await this.#unpacked(index, { unit: 'lines', from: skip, to: skip + take }, signal)
      if (unpacked === undefined) {
        // Retention deletes parts while they are read.
        missing = sumOf(missing, parts[index])
        continue
      }
      const lines = slice(unpacked.text, skip - unpacked.before, take)
      if (missing.lines > 0) yield marker(gapLine(stampOf(lines), missing))
      missing = noGap
      latest = stampOf(lines.subarray(lines.lastIndexOf(NEWLINE, -2) + 1))
      yield { text: lines }
    }
    if (missing.lines > 0) yield marker(gapLine(latest, missing))
    if (end === 'cut' && to >= this.lines) yield marker(cutLine(latest))
  }

  /** The bytes from one to another of a log of which no line is missing. Throws if a part was deleted meanwhile. */
  async *readBytes(from: number, to: number, signal: AbortSignal): AsyncGenerator<Buffer> {
    for (const [index, { at, bytes }] of this.#header.parts.entries()) {
      if (at + bytes <= from || at >= to) continue
      const wanted: Wanted = { unit: 'bytes', from: Math.max(0, from - at), to: to - at }
      const unpacked = await this.#unpacked(index, wanted, signal)
      if (unpacked === undefined) throw new Error('a part of the log was deleted while it was read')
      yield unpacked.text.subarray(wanted.from - unpacked.before, wanted.to - unpacked.before)
    }
  }

  async #unpacked(index: number, wanted: Wanted, signal: AbortSignal): Promise<Unpacked | undefined> {
    const name = nameOf(this.#header.parts, index)
    if (name === LAST_PART) return unpackPart(this.#last, this.#header, wanted)
    const part = await this.#store.get(this.#attempt, name, signal)
    const header = part === undefined ? undefined : headerOf(part)
    return part === undefined || header === undefined ? undefined : unpackPart(part, header, wanted)
  }
}

const noGap: Gap = { lines: 0, bytes: 0 }

function sumOf(gap: Gap, { lines, bytes }: Gap = noGap): Gap {
  return { lines: gap.lines + lines, bytes: gap.bytes + bytes }
}

function marker(line: string): Piece {
  return { text: Buffer.from(line), isMarker: true }
}

/** So many lines after so many that are skipped. */
function slice(text: Buffer, skip: number, take: number): Buffer {
  const start = offsetOf(text, skip, 0)
  return text.subarray(start, offsetOf(text, take, start))
}

function offsetOf(text: Buffer, lines: number, from: number): number {
  let at = from
  for (let left = lines; left > 0; left -= 1) {
    const end = text.indexOf(NEWLINE, at)
    if (end < 0) return text.length
    at = end + 1
  }
  return at
}

function stampOf(line: Buffer): string {
  return line.toString('latin1', 0, Math.max(0, line.indexOf(' ')))
}
