import { KeyedHeap } from './keyed-heap.ts'

interface Entry<T> {
  key: string
  at: number
  value: T
}

/** A min-heap of keys by due time; each key is in it at most once. */
export class DelayHeap<T> {
  readonly #heap = new KeyedHeap<Entry<T>>((a, b) => a.at < b.at)

  get size(): number {
    return this.#heap.size
  }

  /** The time of the earliest key, if there is one. */
  get nextAt(): number | undefined {
    return this.#heap.first?.at
  }

  get(key: string): { at: number; value: T } | undefined {
    return this.#heap.get(key)
  }

  /** Adds the key at this time, or moves it there. */
  set(key: string, at: number, value: T): void {
    this.#heap.set(key, { key, at, value })
  }

  /** Removes and returns the earliest key if it is due. */
  popDue(now: number): { key: string; value: T } | undefined {
    const { first } = this.#heap
    if (first === undefined || first.at > now) return undefined
    this.#heap.delete(first.key)
    return first
  }
}
