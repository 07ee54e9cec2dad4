import { LeaseLost } from '../client/errors.ts'
import type { Clock } from '../runtime/clock.ts'

/** Decides whether a write may still start. */
export interface WriteGuard {
  /** Throws LeaseLost if no write may start. */
  check(): void
  /** Resolves when a write may be sent; absent where it need not wait. */
  readonly admitted?: (signal: AbortSignal) => Promise<void>
  /** Aborted from the moment on which no write may start. */
  readonly signal: AbortSignal
}

/**
 * The right to write during one leadership. It is valid until its deadline or its end, and never again. `check` reads
 * the monotonic clock, so it also holds in a process that was paused and whose timers have not run yet.
 */
export class WriteDeadline implements WriteGuard {
  readonly #clock: Clock
  readonly #ended = new AbortController()
  #atMs: number
  #cancelTimer = (): void => {}

  constructor(clock: Clock, atMs: number) {
    this.#clock = clock
    this.#atMs = atMs
    this.#setTimer()
  }

  get signal(): AbortSignal {
    return this.#ended.signal
  }

  /** How long requests may still start. */
  get leftMs(): number {
    return this.signal.aborted ? 0 : Math.max(0, this.#atMs - this.#clock.monotonicMs())
  }

  check(): void {
    if (this.leftMs === 0) this.end(new LeaseLost('the lease was not renewed in time'))
    this.signal.throwIfAborted()
  }

  /** Moves the deadline forward; no effect once it has passed. */
  extend(atMs: number): void {
    if (this.leftMs === 0 || atMs <= this.#atMs) return
    this.#atMs = atMs
    this.#setTimer()
  }

  end(reason: LeaseLost): void {
    this.#cancelTimer()
    this.#ended.abort(reason)
  }

  #setTimer(): void {
    this.#cancelTimer()
    this.#cancelTimer = this.#clock.setTimer(() => this.#onTimer(), Math.ceil(this.leftMs))
  }

  #onTimer(): void {
    if (this.leftMs > 0) this.#setTimer()
    else this.end(new LeaseLost('the lease was not renewed in time'))
  }
}
