import type { Clock } from './clock.ts'

export interface BackoffOptions {
  clock: Clock
  random: () => number
  minMs?: number
  maxMs?: number
  /** How long attempts must succeed before the delays start small again. */
  resetAfterMs?: number
}

/** Delays between attempts, random between a minimum and a ceiling that doubles with each failure. */
export class Backoff {
  readonly #options: Required<BackoffOptions>
  #failures = 0
  #healthySince: number | undefined

  constructor(options: BackoffOptions) {
    this.#options = { minMs: 800, maxMs: 30_000, resetAfterMs: 120_000, ...options }
  }

  /** Records that the attempt works. May be called any number of times. */
  healthy(): void {
    this.#healthySince ??= this.#options.clock.monotonicMs()
  }

  /** How long to wait after a failure. `atMostMs` lowers the ceiling where the next attempt is cheap. */
  next(atMostMs = Infinity): number {
    const { clock, random, minMs, maxMs, resetAfterMs } = this.#options
    if (this.#healthySince !== undefined && clock.monotonicMs() - this.#healthySince >= resetAfterMs) this.#failures = 0
    this.#healthySince = undefined
    this.#failures += 1
    const ceiling = Math.min(maxMs, atMostMs, minMs * 2 ** this.#failures)
    return minMs + random() * (ceiling - minMs)
  }
}
