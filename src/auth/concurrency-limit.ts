import { atLeastOne } from '../collections/bounds.ts'

/** Limits how many of something each caller has open at a time. */
export class ConcurrencyLimit {
  readonly #max: number
  readonly #open = new Map<string, number>()

  constructor(max: number) {
    this.#max = atLeastOne('the limit of each caller', max)
  }

  hasRoom(caller: string): boolean {
    return (this.#open.get(caller) ?? 0) < this.#max
  }

  /** Takes a slot, or returns undefined if none is free. The returned function releases the slot; further calls have no effect. */
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
    const remaining = (this.#open.get(caller) ?? 0) - 1
    if (remaining > 0) this.#open.set(caller, remaining)
    else this.#open.delete(caller)
  }
}
