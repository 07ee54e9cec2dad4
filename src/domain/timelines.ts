import { Timeline } from './timeline.ts'

/** Where a key stands: at one time, in several timelines. */
export interface Standing {
  ms: number
  /** Names of the timelines; always at least one, none twice. */
  lists: readonly string[]
}

/** Timelines by name. A key stands in exactly those that were named when it was last put, at the time given then. */
export class Timelines {
  readonly #timelines = new Map<string, Timeline>()
  readonly #standings = new Map<string, Standing>()

  /** Puts a key where it stands now; nothing takes it out. */
  put(key: string, is: Standing | undefined): void {
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

  #timelineOf(name: string): Timeline {
    const timeline = this.#timelines.get(name) ?? new Timeline()
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

function isSame(a: Standing, b: Standing): boolean {
  return a.ms === b.ms && a.lists.length === b.lists.length && a.lists.every((name, index) => name === b.lists[index])
}
