import { nextTurn } from './clock.ts'

/** The maximum number of objects to handle before sockets, timers and other requests get a turn. */
export const objectsPerTurn = 500

/** Counts handled objects and yields to the event loop when it is due. */
export class EventLoopYield {
  #handled = 0

  /** Call once per object; await the promise if there is one. */
  maybeYield(): Promise<void> | undefined {
    this.#handled += 1
    if (this.#handled < objectsPerTurn) return undefined
    this.#handled = 0
    return nextTurn()
  }
}
