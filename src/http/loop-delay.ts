import type { Clock } from '../kube/runtime/clock.ts'

const EVERY_MS = 200
/** The time in which a change of the delay shows: a single pause of a collection moves it little. */
const WINDOW_MS = 1000

/** How late the event loop serves its timers, as an average over about a second. */
export class LoopDelay {
  readonly #clock: Pick<Clock, 'monotonicMs' | 'setTimer'>
  #averageMs = 0

  constructor(clock: Pick<Clock, 'monotonicMs' | 'setTimer'>) {
    this.#clock = clock
  }

  /** The current average, in milliseconds. */
  get ms(): number {
    return this.#averageMs
  }

  /** Measures until the signal. */
  measure(signal: AbortSignal): void {
    if (signal.aborted) return
    let cancel = (): void => {}
    const wait = (): void => {
      const begun = this.#clock.monotonicMs()
      cancel = this.#clock.setTimer(() => {
        this.#note(this.#clock.monotonicMs() - begun)
        wait()
      }, EVERY_MS)
    }
    wait()
    signal.addEventListener('abort', () => cancel(), { once: true })
  }

  /** A long delay covers much of the window, so it counts for more than a short one. */
  #note(elapsedMs: number): void {
    const weight = 1 - Math.exp(-elapsedMs / WINDOW_MS)
    this.#averageMs += weight * (Math.max(0, elapsedMs - EVERY_MS) - this.#averageMs)
  }
}
