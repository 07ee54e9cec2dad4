import {
  type ArchiveEnd,
  LAST_PART,
  linesOf,
  type PartHeader,
  partName,
  type Span,
} from '../domain/log/archive-index.ts'
import { type HandedOnSnapshot, markOf } from '../domain/log/handed-on.ts'
import { packMember, packPart } from './packed-part.ts'
import type { ArchiveLimits } from './store.ts'

const NEWLINE = 10

/** Lines are packed together once they have so many bytes: more would wait in memory, fewer pack badly. */
const MEMBER_BYTES = 64 * 1024

/** Bytes of one line that are stored. */
const LONGEST_LINE = 4 * 1024 * 1024
const LINE_IS_CUT = ' [RunnerHub] the rest of this line is left out'

/** Packed lines that are not stored yet. */
interface PackedLines {
  span: Span
  packed: Buffer
}

/** Stores a part under its name. */
export type Persist = (name: string, part: Buffer, signal: AbortSignal) => Promise<void>

/**
 * Writes the log of one attempt: cuts it into parts at ends of lines, and stores each part as soon as it is full. Once
 * the beginning has its share, only the newest lines are kept, in memory until the end.
 */
export class ArchiveWriter {
  readonly #limits: ArchiveLimits
  readonly #persist: Persist
  readonly #stored: Span[]
  #lacksBeginning: boolean
  #line: number
  #at: number
  #raw: Buffer[] = []
  #rawBytes = 0
  /** Bytes of the last line of `#raw`, if its end has not come. */
  #openBytes = 0
  #members: PackedLines[] = []

  /** `stored`: the header of the latest part that another writer stored. */
  constructor({ limits, persist }: { limits: ArchiveLimits; persist: Persist }, stored?: PartHeader) {
    this.#limits = limits
    this.#persist = persist
    this.#stored = [...(stored?.parts ?? [])]
    this.#lacksBeginning = stored?.lacksBeginning ?? false
    const last = this.#stored.at(-1)
    this.#line = linesOf(this.#stored)
    this.#at = last === undefined ? 0 : last.at + last.bytes
  }

  /** Lines of the log so far, and what of them is stored. */
  get lines(): number {
    return this.#line
  }

  /** The node had dropped lines before the first one. */
  lacksBeginning(): void {
    this.#lacksBeginning = true
  }

  /** Adds lines. `position` returns where to read on after them; undefined within a line. */
  async add(lines: Buffer, position: () => HandedOnSnapshot | undefined, signal: AbortSignal): Promise<void> {
    this.#take(lines)
    if (this.#openBytes > 0 || this.#rawBytes < Math.min(MEMBER_BYTES, this.#limits.part)) return
    await this.#pack()
    if (this.#isTailing()) return this.#dropOldest()
    const { packed, bytes } = spanOf(this.#members)
    if (packed < this.#limits.packedPart && bytes < this.#limits.part) return
    const at = position()
    if (at !== undefined) await this.#store(at, signal)
  }

  /** Stores what is left, with the end of the log. */
  async end(end: ArchiveEnd, signal: AbortSignal): Promise<void> {
    if (end === 'cut' && this.#openBytes > 0) this.#push(Buffer.from('\n'))
    await this.#pack()
    const span = this.#members.length === 0 ? this.#emptySpan() : spanOf(this.#members)
    await this.#persist(LAST_PART, this.#part([...this.#stored, span], { end }), signal)
  }

  #take(lines: Buffer): void {
    if (lines.length === 0) return
    const first = this.#openBytes > 0 ? lines.indexOf(NEWLINE) + 1 || lines.length : 0
    if (first > 0) this.#continueLine(lines.subarray(0, first))
    const rest = lines.subarray(first)
    if (rest.length === 0) return
    this.#push(rest)
    this.#openBytes = rest.length - (rest.lastIndexOf(NEWLINE) + 1)
  }

  #continueLine(piece: Buffer): void {
    const isEnd = piece.at(-1) === NEWLINE
    const room = LONGEST_LINE - this.#openBytes
    if (piece.length <= room) this.#push(piece)
    else if (room >= 0) this.#push(Buffer.concat([piece.subarray(0, room), Buffer.from(LINE_IS_CUT)]))
    if (isEnd && piece.length > room) this.#push(Buffer.from('\n'))
    this.#openBytes = isEnd ? 0 : this.#openBytes + piece.length
  }

  #push(bytes: Buffer): void {
    this.#raw.push(bytes)
    this.#rawBytes += bytes.length
  }

  async #pack(): Promise<void> {
    if (this.#rawBytes === 0) return
    const raw = Buffer.concat(this.#raw)
    this.#raw = []
    this.#rawBytes = 0
    this.#openBytes = 0
    const lines = countLines(raw)
    const second = markOf(raw.subarray(0, raw.indexOf(NEWLINE) + 1 || raw.length))?.second ?? 0
    const packed = await packMember(raw)
    const span = { line: this.#line, lines, at: this.#at, bytes: raw.length, packed: packed.length, second }
    this.#members.push({ span, packed })
    this.#line += lines
    this.#at += raw.length
  }

  /** Whether the beginning of the log has its share of the archive. */
  #isTailing(): boolean {
    const stored = this.#stored.reduce((sum, { packed }) => sum + packed, 0)
    return stored + this.#limits.packedPart > this.#limits.head
  }

  #dropOldest(): void {
    while (this.#members.length > 1 && spanOf(this.#members).packed > this.#limits.tail) this.#members.shift()
  }

  async #store(position: HandedOnSnapshot, signal: AbortSignal): Promise<void> {
    const parts = [...this.#stored, spanOf(this.#members)]
    await this.#persist(partName(this.#stored.length), this.#part(parts, { position }), signal)
    this.#stored.push(spanOf(this.#members))
    this.#members = []
  }

  #part(parts: Span[], more: Pick<PartHeader, 'position' | 'end'>): Buffer {
    const members = this.#members.map(({ span: { lines, bytes, packed } }) => ({ lines, bytes, packed }))
    const header = { parts, members, ...more, ...(this.#lacksBeginning && { lacksBeginning: true as const }) }
    return packPart(
      header,
      this.#members.map(({ packed }) => packed),
    )
  }

  #emptySpan(): Span {
    return { line: this.#line, lines: 0, at: this.#at, bytes: 0, packed: 0, second: 0 }
  }
}

/** Members one after the other. */
function spanOf(members: readonly PackedLines[]): Span {
  const sum = (of: (span: Span) => number): number => members.reduce((total, { span }) => total + of(span), 0)
  const { line = 0, at = 0, second = 0 } = members[0]?.span ?? {}
  return {
    line,
    lines: sum(({ lines }) => lines),
    at,
    bytes: sum(({ bytes }) => bytes),
    packed: sum(({ packed }) => packed),
    second,
  }
}

/** A last line may lack its newline. */
function countLines(text: Buffer): number {
  let lines = 0
  for (let at = text.indexOf(NEWLINE); at >= 0; at = text.indexOf(NEWLINE, at + 1)) lines += 1
  return text.at(-1) === NEWLINE ? lines : lines + 1
}
