import { atLeastOne } from '../collections/bounds.ts'

/** How many of something each caller has open; one that has as many as allowed gets no more before another ends. */
export class ConcurrencyLimit {
  readonly #most: number
  readonly #open = new Map<string, number>()

  constructor(most: number) {
    this.#most = atLeastOne('the most of each caller', most)
  }

  hasRoom(caller: string): boolean {
    return (this.#open.get(caller) ?? 0) < this.#most
  }

  /** Takes a place, if there is one; what is returned gives it back, once. */
  enter(caller: string): (() => void) | undefined {
    if (!this.hasRoom(caller)) return undefined
    this.#open.set(caller, (this.#open.get(caller) ?? 0) + 1)
    let isOpen = true
    return () => {
      if (isOpen) this.#leave(caller)
      isOpen = false
    }
  }

  #leave(caller: string): void {
    const left = (this.#open.get(caller) ?? 0) - 1
    if (left > 0) this.#open.set(caller, left)
    else this.#open.delete(caller)
  }
}
