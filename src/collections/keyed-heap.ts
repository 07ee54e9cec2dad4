interface Entry<T> {
  key: string
  value: T
}

/** A heap of values by key, ordered by `isBefore`; each key is in it at most once. No operation costs more than O(log n). */
export class KeyedHeap<T> {
  readonly #heap: Entry<T>[] = []
  readonly #indexes = new Map<string, number>()
  readonly #isBefore: (a: T, b: T) => boolean

  constructor(isBefore: (a: T, b: T) => boolean) {
    this.#isBefore = isBefore
  }

  get size(): number {
    return this.#heap.length
  }

  /** The first value, if there is one. */
  get first(): T | undefined {
    return this.#heap[0]?.value
  }

  get(key: string): T | undefined {
    const index = this.#indexes.get(key)
    return index === undefined ? undefined : this.#heap[index]?.value
  }

  /** Adds the value, or puts it in place of the key's earlier one. */
  set(key: string, value: T): void {
    const index = this.#indexes.get(key) ?? this.#heap.length
    this.#put({ key, value }, index)
    this.#settle(index)
  }

  delete(key: string): boolean {
    const index = this.#indexes.get(key)
    if (index === undefined) return false
    this.#indexes.delete(key)
    const last = this.#heap.pop()
    if (last !== undefined && index < this.#heap.length) {
      this.#put(last, index)
      this.#settle(index)
    }
    return true
  }

  #settle(index: number): void {
    this.#rise(index)
    this.#sink(index)
  }

  #rise(from: number): void {
    for (let index = from; index > 0; ) {
      const parent = (index - 1) >> 1
      if (!this.#swapIfBefore(index, parent)) return
      index = parent
    }
  }

  #sink(from: number): void {
    for (let index = from; ; ) {
      const left = 2 * index + 1
      const right = left + 1
      const child = this.#precedes(right, left) ? right : left
      if (!this.#swapIfBefore(child, index)) return
      index = child
    }
  }

  #precedes(index: number, other: number): boolean {
    const entry = this.#heap[index]
    const compared = this.#heap[other]
    return entry !== undefined && compared !== undefined && this.#isBefore(entry.value, compared.value)
  }

  #swapIfBefore(lower: number, upper: number): boolean {
    if (!this.#precedes(lower, upper)) return false
    const entry = this.#heap[lower]
    const above = this.#heap[upper]
    if (entry === undefined || above === undefined) return false
    this.#put(entry, upper)
    this.#put(above, lower)
    return true
  }

  #put(entry: Entry<T>, index: number): void {
    this.#heap[index] = entry
    this.#indexes.set(entry.key, index)
  }
}
