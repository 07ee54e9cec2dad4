/** Caches promised values by name; a failed one is created again at the next request. */
export class Kept<T> {
  readonly #values = new Map<string, Promise<T>>()

  get(name: string, make: () => Promise<T>): Promise<T> {
    const known = this.#values.get(name)
    if (known !== undefined) return known
    const value = make()
    this.#values.set(name, value)
    value.catch(() => this.#values.delete(name))
    return value
  }
}
