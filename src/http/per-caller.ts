/**
 * How many of something each caller has open, and all of them together; where it is as many as allowed there are no
 * more before another ends.
 */
export class PerCaller {
  readonly #most: number
  readonly #mostInAll: number
  readonly #open = new Map<string, number>()
  #inAll = 0

  constructor(most: number, mostInAll = Number.POSITIVE_INFINITY) {
    this.#most = most
    this.#mostInAll = mostInAll
  }

  /** Whether all callers together have as many as allowed. */
  get isFull(): boolean {
    return this.#inAll >= this.#mostInAll
  }

  /** Whether this caller may have one more, as far as it is up to him alone. */
  hasRoom(caller: string): boolean {
    return (this.#open.get(caller) ?? 0) < this.#most
  }

  /** Takes a place, if there is one; what is returned gives it back, once. */
  enter(caller: string): (() => void) | undefined {
    if (this.isFull || !this.hasRoom(caller)) return undefined
    this.#inAll += 1
    this.#open.set(caller, (this.#open.get(caller) ?? 0) + 1)
    let isOpen = true
    return () => {
      if (isOpen) this.#leave(caller)
      isOpen = false
    }
  }

  #leave(caller: string): void {
    this.#inAll -= 1
    const left = (this.#open.get(caller) ?? 0) - 1
    if (left > 0) this.#open.set(caller, left)
    else this.#open.delete(caller)
  }
}
