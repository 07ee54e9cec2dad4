import { atLeastOne } from '../../collections/bounds.ts'

/** Lets at most so many be inside at once; who waits is let in first come, first served. */
export class InFlight {
  readonly #limit: number
  readonly #waiting = new Set<() => void>()
  #inside = 0

  constructor(limit: number) {
    this.#limit = atLeastOne('the limit of those inside', limit)
  }

  /** Resolves when there is room, with the way out, to be called once. */
  enter(signal: AbortSignal): Promise<() => void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      if (this.#inside < this.#limit) return resolve(this.#wayOut())
      const onAbort = (): void => {
        this.#waiting.delete(letIn)
        reject(signal.reason)
      }
      const letIn = (): void => {
        signal.removeEventListener('abort', onAbort)
        resolve(this.#wayOut())
      }
      this.#waiting.add(letIn)
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }

  #wayOut(): () => void {
    this.#inside += 1
    return () => {
      this.#inside -= 1
      this.#letNextIn()
    }
  }

  #letNextIn(): void {
    for (const letIn of this.#waiting) {
      this.#waiting.delete(letIn)
      return letIn()
    }
  }
}
