/** A key and the time it stands at, in milliseconds. Keys at the same time are ordered by themselves. */
export interface Moment {
  key: string
  ms: number
}

/** Entries of one chunk: small enough to move on insertion, large enough to keep chunks few. */
const CHUNK = 512

/**
 * Keys ordered by time. Adding, removing, counting and picking by rank look at one chunk and at the number of chunks,
 * not at every entry. Chunks are never empty.
 */
export class SortedIndex {
  readonly #chunks: Moment[][] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Adds a moment that is not there yet. */
  add(moment: Moment): void {
    const at = Math.min(this.#chunkOf(moment), this.#chunks.length - 1)
    const chunk = this.#chunks[at]
    this.#size++
    if (chunk === undefined) {
      this.#chunks.push([moment])
      return
    }
    chunk.splice(position(chunk, moment), 0, moment)
    if (chunk.length > CHUNK) this.#chunks.splice(at + 1, 0, chunk.splice(CHUNK / 2))
  }

  /** Takes a moment out; false where it is not there. */
  remove(moment: Moment): boolean {
    const at = this.#chunkOf(moment)
    const chunk = this.#chunks[at]
    if (chunk === undefined) return false
    const index = position(chunk, moment)
    const found = chunk[index]
    if (found?.key !== moment.key || found.ms !== moment.ms) return false
    chunk.splice(index, 1)
    if (chunk.length === 0) this.#chunks.splice(at, 1)
    this.#size--
    return true
  }

  /** How many moments are before this time. */
  countBefore(ms: number): number {
    const target = { key: '', ms }
    let count = 0
    for (const chunk of this.#chunks) {
      const last = chunk.at(-1)
      if (last === undefined || !isBefore(last, target)) return count + position(chunk, target)
      count += chunk.length
    }
    return count
  }

  /** The keys from rank `from` (0 = earliest) up to, not including, rank `to`. */
  slice(from: number, to: number): string[] {
    const keys: string[] = []
    let rank = 0
    for (const chunk of this.#chunks) {
      if (rank >= to) break
      if (rank + chunk.length > from) {
        for (const { key } of chunk.slice(Math.max(0, from - rank), to - rank)) keys.push(key)
      }
      rank += chunk.length
    }
    return keys
  }

  /** Index of the first chunk whose last moment is not before this one. */
  #chunkOf(moment: Moment): number {
    let low = 0
    let high = this.#chunks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const last = this.#chunks[middle]?.at(-1)
      if (last !== undefined && isBefore(last, moment)) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Index of the first moment that is not before this one. */
function position(chunk: readonly Moment[], moment: Moment): number {
  let low = 0
  let high = chunk.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const other = chunk[middle]
    if (other !== undefined && isBefore(other, moment)) low = middle + 1
    else high = middle
  }
  return low
}

function isBefore(a: Moment, b: Moment): boolean {
  return a.ms === b.ms ? a.key < b.key : a.ms < b.ms
}

/** Where a key stands: at one time, in several timelines. */
export interface IndexEntry {
  ms: number
  /** Names of the timelines; always at least one, none twice. */
  lists: readonly string[]
}

/** Timelines by name. A key stands in exactly those that were named when it was last put, at the time given then. */
export class SortedIndexes {
  readonly #timelines = new Map<string, SortedIndex>()
  readonly #standings = new Map<string, IndexEntry>()

  /** Puts a key where it stands now; nothing takes it out. */
  put(key: string, is: IndexEntry | undefined): void {
    const was = this.#standings.get(key)
    if (was !== undefined && is !== undefined && isSame(was, is)) return
    for (const name of was?.lists ?? []) this.#remove(name, { key, ms: was?.ms ?? 0 })
    this.#standings.delete(key)
    if (is === undefined) return
    this.#standings.set(key, is)
    for (const name of is.lists) this.#timelineOf(name).add({ key, ms: is.ms })
  }

  /** One page, newest first, of what stands under a name from `startMs` up to and with `endMs`. */
  page(name: string, { page, limit, startMs, endMs }: PageQuery): Page {
    const timeline = this.#timelines.get(name)
    if (timeline === undefined) return { keys: [], total: 0 }
    const lowest = startMs === undefined ? 0 : timeline.countBefore(startMs)
    const end = endMs === undefined ? timeline.size : timeline.countBefore(Math.floor(endMs) + 1)
    const total = Math.max(0, end - lowest)
    const highest = end - (page - 1) * limit
    if (highest <= lowest) return { keys: [], total }
    return { keys: timeline.slice(Math.max(lowest, highest - limit), highest).toReversed(), total }
  }

  #timelineOf(name: string): SortedIndex {
    const timeline = this.#timelines.get(name) ?? new SortedIndex()
    this.#timelines.set(name, timeline)
    return timeline
  }

  #remove(name: string, moment: { key: string; ms: number }): void {
    const timeline = this.#timelines.get(name)
    timeline?.remove(moment)
    if (timeline?.size === 0) this.#timelines.delete(name)
  }
}

/** Which part of a timeline is wanted. Pages count from 1. */
export interface PageQuery {
  page: number
  limit: number
  startMs?: number
  endMs?: number
}

/** The keys of one page, and how many there are on all pages together. */
export interface Page {
  keys: string[]
  total: number
}

function isSame(a: IndexEntry, b: IndexEntry): boolean {
  return a.ms === b.ms && a.lists.length === b.lists.length && a.lists.every((name, index) => name === b.lists[index])
}
