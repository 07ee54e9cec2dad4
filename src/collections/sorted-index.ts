/** A key and its time, in milliseconds or in another unit. Keys with the same time are ordered by name. */
export interface Moment {
  key: string
  ms: number
}

/** Maximum entries of a chunk: small enough to shift on insertion, large enough to keep the chunks few. */
const CHUNK = 512

/**
 * Keys ordered by time. Adding, removing, counting and slicing by rank cost one chunk plus the number of chunks, not
 * the number of entries. Chunks are never empty.
 */
export class SortedIndex {
  readonly #chunks: Moment[][] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  /** The latest time, if there is any. */
  get last(): number | undefined {
    return this.#chunks.at(-1)?.at(-1)?.ms
  }

  /** Adds a moment that is not present yet. */
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

  /** Removes a moment; false if it is not present. */
  remove(moment: Moment): boolean {
    const at = this.#chunkOf(moment)
    const chunk = this.#chunks[at]
    if (chunk === undefined) return false
    const index = position(chunk, moment)
    const existing = chunk[index]
    if (existing?.key !== moment.key || existing.ms !== moment.ms) return false
    chunk.splice(index, 1)
    if (chunk.length === 0) this.#chunks.splice(at, 1)
    this.#size--
    return true
  }

  /** The number of moments before this time. */
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

/** The entry of a key: one time, in several timelines. */
export interface IndexEntry {
  ms: number
  /** Names of the timelines: at least one, without duplicates. */
  lists: readonly string[]
}

/** Timelines by name. A key is in exactly the timelines of its latest entry, at that entry's time. */
export class SortedIndexes {
  readonly #timelines = new Map<string, Timeline>()
  readonly #entries = new Map<string, Place>()
  /** The timelines of an entry, by their names: most entries have the same as many others. */
  readonly #together = new Map<string, readonly Timeline[]>()

  /** Moves a key to its new entry; undefined removes it. */
  put(key: string, next: IndexEntry | undefined): void {
    const previous = this.#entries.get(key)
    if (previous !== undefined && next !== undefined && isSame(previous, next)) return
    if (previous !== undefined) this.#remove(previous)
    this.#entries.delete(key)
    if (next === undefined) return
    const moment = { key, ms: next.ms }
    const timelines = this.#timelinesOf(next.lists)
    for (const { index } of timelines) index.add(moment)
    this.#entries.set(key, { moment, timelines })
  }

  /** One page of a timeline, newest first, from `startMs` to `endMs`, both inclusive. */
  page(name: string, { page, limit, startMs, endMs }: PageQuery): Page {
    const timeline = this.#timelines.get(name)?.index
    if (timeline === undefined) return { keys: [], total: 0 }
    const lowest = startMs === undefined ? 0 : timeline.countBefore(startMs)
    const end = endMs === undefined ? timeline.size : timeline.countBefore(Math.floor(endMs) + 1)
    const total = Math.max(0, end - lowest)
    const highest = end - (page - 1) * limit
    if (highest <= lowest) return { keys: [], total }
    return { keys: timeline.slice(Math.max(lowest, highest - limit), highest).toReversed(), total }
  }

  #timelinesOf(names: readonly string[]): readonly Timeline[] {
    const id = JSON.stringify(names)
    const known = this.#together.get(id)
    if (known !== undefined) return known
    const timelines = names.map((name) => this.#timelineOf(name))
    this.#together.set(id, timelines)
    return timelines
  }

  #timelineOf(name: string): Timeline {
    const timeline = this.#timelines.get(name) ?? { name, index: new SortedIndex() }
    this.#timelines.set(timeline.name, timeline)
    return timeline
  }

  #remove({ moment, timelines }: Place): void {
    for (const { name, index } of timelines) {
      index.remove(moment)
      if (index.size > 0) continue
      this.#timelines.delete(name)
      this.#together.clear()
    }
  }
}

/** A timeline with its name, of which there is one copy for all keys. */
interface Timeline {
  readonly name: string
  readonly index: SortedIndex
}

/** Where a key is. All its timelines share the moment. */
interface Place {
  moment: Moment
  timelines: readonly Timeline[]
}

/** The requested part of a timeline. Pages count from 1. */
export interface PageQuery {
  page: number
  limit: number
  startMs?: number
  endMs?: number
}

/** The keys of one page, and the total number on all pages. */
export interface Page {
  keys: string[]
  total: number
}

function isSame({ moment, timelines }: Place, { ms, lists }: IndexEntry): boolean {
  if (moment.ms !== ms || timelines.length !== lists.length) return false
  return timelines.every(({ name }, index) => name === lists[index])
}
