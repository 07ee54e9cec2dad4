/**
 * Keys in the order in which they came, each at most once, each with a value. Looking at the first costs the same
 * however many were taken out before it: the iterator goes on where it was, a new one would pass all their places.
 */
export class Fifo<V> {
  readonly #values = new Map<string, V>()
  #order = this.#values.keys()
  /** The key that the iterator gave out last, as long as it is here: all before it are gone. */
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

  /** A key that is here already keeps its place. */
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
    this.#order = this.#values.keys() // an iterator that came to its end stays there
    return this.#order.next().value
  }
}
