import type { HandedOnSnapshot } from './handed-on.ts'

/** Lines of a log that are stored together, one after the other. */
export interface Span {
  /** The number of the first line; the first line of a log is 0. */
  line: number
  lines: number
  /** Bytes of the log before the first line, and in these lines. */
  at: number
  bytes: number
  /** Bytes that are stored for them. */
  packed: number
  /** Whole seconds since 1970 of the first line that has a timestamp. */
  second: number
}

/** Lines of a part that are packed together. They can be unpacked without the rest of it. */
export interface Member {
  lines: number
  bytes: number
  /** Bytes that are stored for them. */
  packed: number
}

/** How the archived log of an attempt ends. */
export type ArchiveEnd =
  /** With the last line of its container. */
  | 'whole'
  /** Earlier: the node did not return the rest. */
  | 'cut'

/** What each stored part of a log begins with: all parts so far, itself last, and where to read on. */
export interface PartHeader {
  parts: Span[]
  /** What this part consists of, in order. Absent in parts of earlier versions. */
  members?: Member[]
  /** Where capture goes on after this part. */
  position?: HandedOnSnapshot
  /** Only in the last part. */
  end?: ArchiveEnd
  /** The node had dropped earlier lines before capture began. */
  lacksBeginning?: true
}

/** The name of a part. The last one has a name that is known without a list. */
export const LAST_PART = 'end'

/** The name of a part that is not the last; names sort as parts do. */
export function partName(number: number): string {
  return `part-${String(number).padStart(5, '0')}`
}

/** The name of one of the parts in the header of the last one. */
export function nameOf(parts: readonly Span[], index: number): string {
  return index === parts.length - 1 ? LAST_PART : partName(index)
}

/** The highest of some names of parts; undefined if there is none. `LAST_PART` is not among them. */
export function latestPart(names: readonly string[]): string | undefined {
  return names
    .filter((name) => /^part-\d{5}$/.test(name))
    .toSorted()
    .at(-1)
}

/** The number of lines of a log, those included that were left out. */
export function linesOf(parts: readonly Span[]): number {
  const last = parts.at(-1)
  return last === undefined ? 0 : last.line + last.lines
}

/** Lines that the archive left out between two parts. */
export interface Gap {
  lines: number
  bytes: number
}

/** A part to read, the number of its first line that is wanted, and what is missing before it. */
export interface PartToRead {
  index: number
  /** Lines at its beginning that are not wanted. */
  skip: number
  /** Most of its lines that are wanted. */
  take: number
  gap: Gap | undefined
}

/** The parts that have the lines from one number to another, in order. */
export function partsToRead(parts: readonly Span[], from: number, to: number): PartToRead[] {
  const wanted: PartToRead[] = []
  let next = 0
  let at = 0
  for (const [index, span] of parts.entries()) {
    const end = span.line + span.lines
    const first = Math.max(from, next, span.line)
    const isWanted = first < Math.min(end, to)
    const isGapWanted = span.line > next && from < span.line && to > next
    const gap = isGapWanted ? { lines: span.line - next, bytes: span.at - at } : undefined
    if (isWanted) wanted.push({ index, skip: first - span.line, take: Math.min(end, to) - first, gap })
    next = Math.max(next, end)
    at = span.at + span.bytes
  }
  return wanted
}

/** Lines or bytes of a part: the number of the first one, and of the first one after them. */
export interface Wanted {
  unit: 'lines' | 'bytes'
  from: number
  to: number
}

/** Neighbouring members of a part. */
export interface MembersToRead {
  /** Stored bytes of all members before them, and of them. */
  at: number
  packed: number
  /** Lines or bytes, as wanted, of all members before them. */
  before: number
}

/** The members that have what is wanted. */
export function membersToRead(members: readonly Member[], { unit, from, to }: Wanted): MembersToRead {
  const wanted: MembersToRead = { at: 0, packed: 0, before: 0 }
  let next = 0
  for (const { [unit]: count, packed } of members) {
    if (next + count <= from) {
      wanted.at += packed
      wanted.before += count
    } else if (next < to) wanted.packed += packed
    next += count
  }
  return wanted
}

/** The first line to read for the last so many stored lines. */
export function tailStart(parts: readonly Span[], tail: number): number {
  let left = tail
  for (const span of parts.toReversed()) {
    if (left <= span.lines) return span.line + span.lines - left
    left -= span.lines
  }
  return 0
}

/** The first line to read so that no line of a second or a later one is missing. */
export function secondStart(parts: readonly Span[], second: number): number {
  const later = parts.findLastIndex((span) => span.second < second)
  return parts[later]?.line ?? 0
}

/** The line in place of lines that were left out; `stamp` is the timestamp of the next line. */
export function gapLine(stamp: string, { lines, bytes }: Gap): string {
  return `${stamp} [RunnerHub] ${lines} lines (${bytes} bytes) are left out here: the archive keeps the beginning and the end of a log\n`
}

/** The line in place of lines that the node dropped before they were read. */
export function lostLine(stamp: string): string {
  return `${stamp} [RunnerHub] lines may be missing here: the node dropped them before they were read\n`
}

/** The line after the last one of a log whose end the node did not return. */
export function cutLine(stamp: string): string {
  return `${stamp} [RunnerHub] the log may go on: its node did not return the rest\n`
}
