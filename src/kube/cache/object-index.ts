/** Indexes keys by the values that one function extracts. A key is listed under exactly its current object's values. */
export class ObjectIndex<T> {
  readonly #valuesOf: (object: T) => readonly string[]
  readonly #keys = new Map<string, Set<string>>()

  constructor(valuesOf: (object: T) => readonly string[]) {
    this.#valuesOf = valuesOf
  }

  replace(key: string, old: T | undefined, now: T | undefined): void {
    const before = old === undefined ? [] : this.#valuesOf(old)
    const after = now === undefined ? [] : this.#valuesOf(now)
    for (const value of before) if (!after.includes(value)) this.#remove(key, value)
    for (const value of after) this.#add(key, value)
  }

  keys(value: string): ReadonlySet<string> {
    return this.#keys.get(value) ?? none
  }

  #add(key: string, value: string): void {
    const keys = this.#keys.get(value)
    if (keys === undefined) this.#keys.set(value, new Set([key]))
    else keys.add(key)
  }

  #remove(key: string, value: string): void {
    const keys = this.#keys.get(value)
    keys?.delete(key)
    if (keys?.size === 0) this.#keys.delete(value)
  }
}

const none: ReadonlySet<string> = new Set()
