interface Entry<T> {
  key: string
  at: number
  value: T
}

/** Keys with the time each is due: every key stands once, and the heap keeps the earliest in front. */
export class DelayHeap<T> {
  readonly #heap: Entry<T>[] = []
  readonly #places = new Map<string, number>()

  get size(): number {
    return this.#heap.length
  }

  /** The time of the earliest key, if there is one. */
  get nextAt(): number | undefined {
    return this.#heap[0]?.at
  }

  get(key: string): { at: number; value: T } | undefined {
    const place = this.#places.get(key)
    return place === undefined ? undefined : this.#heap[place]
  }

  /** Puts the key at this time, wherever it stood before. */
  set(key: string, at: number, value: T): void {
    const place = this.#places.get(key) ?? this.#heap.length
    this.#put({ key, at, value }, place)
    this.#rise(place)
    this.#sink(place)
  }

  /** Takes out the earliest key, if it is due. */
  popDue(now: number): { key: string; value: T } | undefined {
    const first = this.#heap[0]
    if (first === undefined || first.at > now) return undefined
    this.#places.delete(first.key)
    const last = this.#heap.pop()
    if (last !== undefined && last !== first) {
      this.#put(last, 0)
      this.#sink(0)
    }
    return first
  }

  #rise(from: number): void {
    for (let place = from; place > 0; ) {
      const parent = (place - 1) >> 1
      if (!this.#swapIfEarlier(place, parent)) return
      place = parent
    }
  }

  #sink(from: number): void {
    for (let place = from; ; ) {
      const left = 2 * place + 1
      const right = left + 1
      const child = this.#isEarlier(right, left) ? right : left
      if (!this.#swapIfEarlier(child, place)) return
      place = child
    }
  }

  #isEarlier(place: number, other: number): boolean {
    const entry = this.#heap[place]
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

  #put(entry: Entry<T>, place: number): void {
    this.#heap[place] = entry
    this.#places.set(entry.key, place)
  }
}
