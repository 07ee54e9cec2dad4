/**
 * Shares reads among concurrent callers. Each caller gets a read that began after its call: the next one, which begins
 * when the running one has ended. So any number of callers cost two reads.
 */
export class NextRead<T> {
  readonly #running = new Map<string, Promise<T>>()
  readonly #next = new Map<string, Promise<T>>()

  /** The value of the key; calls `read` unless a read of another caller serves both. */
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
