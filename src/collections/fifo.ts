/**
 * Keys in insertion order, each at most once, each with a value. Reading the first key costs the same however many were
 * deleted before it: the kept iterator resumes where it was, and a new one would skip over all deleted entries.
 */
export class Fifo<V> {
  readonly #values = new Map<string, V>()
  #order = this.#values.keys()
  /** The last key of the iterator, while it is present: all keys before it are deleted. */
  #first: string | undefined

  get size(): number {
    return this.#values.size
  }

  has(key: string): boolean {
    return this.#values.has(key)
  }

  get(key: string): V | undefined {
    return this.#values.get(key)
  }

  /** A present key keeps its position. */
  set(key: string, value: V): void {
    this.#values.set(key, value)
  }

  delete(key: string): boolean {
    if (key === this.#first) this.#first = undefined
    return this.#values.delete(key)
  }

  first(): string | undefined {
    if (this.#first === undefined && this.#values.size > 0) this.#first = this.#next()
    return this.#first
  }

  #next(): string | undefined {
    const next = this.#order.next()
    if (next.done !== true) return next.value
    this.#order = this.#values.keys() // an exhausted iterator stays at its end
    return this.#order.next().value
  }
}
