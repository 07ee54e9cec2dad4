import { atLeastOne } from '../../collections/bounds.ts'

/** Limits the number of requests in flight; waiting ones are admitted first come, first served. */
export class InFlight {
  readonly #limit: number
  readonly #waiting = new Set<() => void>()
  #active = 0

  constructor(limit: number) {
    this.#limit = atLeastOne('the limit of those inside', limit)
  }

  /** Resolves with a release function once a slot is free. The release function must be called once. */
  acquire(signal: AbortSignal): Promise<() => void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      if (this.#active < this.#limit) return resolve(this.#takeSlot())
      const onAbort = (): void => {
        this.#waiting.delete(admit)
        reject(signal.reason)
      }
      const admit = (): void => {
        signal.removeEventListener('abort', onAbort)
        resolve(this.#takeSlot())
      }
      this.#waiting.add(admit)
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }

  #takeSlot(): () => void {
    this.#active += 1
    return () => {
      this.#active -= 1
      this.#admitNext()
    }
  }

  #admitNext(): void {
    for (const admit of this.#waiting) {
      this.#waiting.delete(admit)
      return admit()
    }
  }
}
