import { nextTurn } from './clock.ts'

/** The most objects handled without giving sockets, timers and other requests a turn. */
export const objectsPerTurn = 500

/** Counts objects as they are handled and says when the event loop must have its turn. */
export class EventLoopYield {
  #handled = 0

  /** Call once per object; await what it returns, if anything. */
  maybeYield(): Promise<void> | undefined {
    this.#handled += 1
    if (this.#handled < objectsPerTurn) return undefined
    this.#handled = 0
    return nextTurn()
  }
}
