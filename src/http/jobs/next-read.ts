/**
 * Reads on behalf of many at once. Each gets what was read after it asked: it shares the read that begins when the one
 * under way has ended, so any number of callers cost two reads.
 */
export class NextRead<T> {
  readonly #running = new Map<string, Promise<T>>()
  readonly #next = new Map<string, Promise<T>>()

  /** What is behind the key; `read` is called unless another caller's call does for both. */
  get(key: string, read: () => Promise<T>): Promise<T> {
    const running = this.#running.get(key)
    if (running === undefined) return this.#start(key, read)
    const next = this.#next.get(key) ?? this.#startAfter(running, key, read)
    this.#next.set(key, next)
    return next
  }

  async #startAfter(running: Promise<T>, key: string, read: () => Promise<T>): Promise<T> {
    await Promise.allSettled([running])
    this.#next.delete(key)
    return this.#start(key, read)
  }

  #start(key: string, read: () => Promise<T>): Promise<T> {
    const reading = read().finally(() => {
      if (this.#running.get(key) === reading) this.#running.delete(key)
    })
    this.#running.set(key, reading)
    return reading
  }
}
