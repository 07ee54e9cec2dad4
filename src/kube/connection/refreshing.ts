import type { Clock } from '../runtime/clock.ts'

/** A value that is loaded again when it is old or was refused; one load at a time serves all who wait. */
export class Refreshing<T> {
  readonly #load: () => Promise<T>
  readonly #maxAgeMs: number
  readonly #clock: Clock
  #value: T | undefined
  #loadedAt = 0
  #loading: Promise<T> | undefined

  constructor(load: () => Promise<T>, maxAgeMs: number, clock: Clock) {
    this.#load = load
    this.#maxAgeMs = maxAgeMs
    this.#clock = clock
  }

  /** With `refused`, a value other than that one if there is one to be had. */
  async get(refused?: T): Promise<T> {
    const value = this.#value
    if (value === undefined) return this.#reload()
    const old = this.#clock.monotonicMs() - this.#loadedAt >= this.#maxAgeMs
    if (!old && refused !== value) return value
    // A file that is missing while it is being replaced must not stop what still works.
    return this.#reload().catch(() => value)
  }

  #reload(): Promise<T> {
    this.#loading ??= this.#load()
      .then((value) => {
        this.#value = value
        this.#loadedAt = this.#clock.monotonicMs()
        return value
      })
      .finally(() => {
        this.#loading = undefined
      })
    return this.#loading
  }
}
