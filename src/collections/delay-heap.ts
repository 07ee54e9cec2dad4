interface Entry<T> {
  key: string
  at: number
  value: T
}

/** A min-heap of keys by due time; each key is in it at most once. */
export class DelayHeap<T> {
  readonly #heap: Entry<T>[] = []
  readonly #indexes = new Map<string, number>()

  get size(): number {
    return this.#heap.length
  }

  /** The time of the earliest key, if there is one. */
  get nextAt(): number | undefined {
    return this.#heap[0]?.at
  }

  get(key: string): { at: number; value: T } | undefined {
    const index = this.#indexes.get(key)
    return index === undefined ? undefined : this.#heap[index]
  }

  /** Adds the key at this time, or moves it there. */
  set(key: string, at: number, value: T): void {
    const index = this.#indexes.get(key) ?? this.#heap.length
    this.#put({ key, at, value }, index)
    this.#rise(index)
    this.#sink(index)
  }

  /** Removes and returns the earliest key if it is due. */
  popDue(now: number): { key: string; value: T } | undefined {
    const first = this.#heap[0]
    if (first === undefined || first.at > now) return undefined
    this.#indexes.delete(first.key)
    const last = this.#heap.pop()
    if (last !== undefined && last !== first) {
      this.#put(last, 0)
      this.#sink(0)
    }
    return first
  }

  #rise(from: number): void {
    for (let index = from; index > 0; ) {
      const parent = (index - 1) >> 1
      if (!this.#swapIfEarlier(index, parent)) return
      index = parent
    }
  }

  #sink(from: number): void {
    for (let index = from; ; ) {
      const left = 2 * index + 1
      const right = left + 1
      const child = this.#isEarlier(right, left) ? right : left
      if (!this.#swapIfEarlier(child, index)) return
      index = child
    }
  }

  #isEarlier(index: number, other: number): boolean {
    const entry = this.#heap[index]
    const compared = this.#heap[other]
    return entry !== undefined && compared !== undefined && entry.at < compared.at
  }

  #swapIfEarlier(lower: number, upper: number): boolean {
    const entry = this.#heap[lower]
    const above = this.#heap[upper]
    if (entry === undefined || above === undefined || entry.at >= above.at) return false
    this.#put(entry, upper)
    this.#put(above, lower)
    return true
  }

  #put(entry: Entry<T>, index: number): void {
    this.#heap[index] = entry
    this.#indexes.set(entry.key, index)
  }
}
