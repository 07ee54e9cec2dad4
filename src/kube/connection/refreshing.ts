import type { Clock } from '../runtime/clock.ts'

/** How long credentials are used before their files are read again. */
export const rereadMs = 60_000

/** A cached value, reloaded when it is old or was rejected; concurrent callers share one load. */
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

  /** With `refused`, returns a value other than that one if reloading yields one. */
  async get(refused?: T): Promise<T> {
    const value = this.#value
    if (value === undefined) return this.#reload()
    const isOld = this.#clock.monotonicMs() - this.#loadedAt >= this.#maxAgeMs
    if (!isOld && refused !== value) return value
    // A file may be missing while it is being replaced: keep using the old value.
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
