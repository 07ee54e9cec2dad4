import type { Clock } from '../runtime/clock.ts'

/** Calls back after a time without activity. `touch` starts no timer: the running one checks the last activity. */
export class IdleTimer {
  readonly #clock: Clock
  readonly #limitMs: number
  readonly #onIdle: () => void
  #touchedAt: number
  #cancel: () => void

  constructor(clock: Clock, limitMs: number, onIdle: () => void) {
    this.#clock = clock
    this.#limitMs = limitMs
    this.#onIdle = onIdle
    this.#touchedAt = clock.monotonicMs()
    this.#cancel = clock.setTimer(() => this.#check(), limitMs)
  }

  touch(): void {
    this.#touchedAt = this.#clock.monotonicMs()
  }

  stop(): void {
    this.#cancel()
  }

  #check(): void {
    const remainingMs = this.#touchedAt + this.#limitMs - this.#clock.monotonicMs()
    if (remainingMs <= 0) this.#onIdle()
    else this.#cancel = this.#clock.setTimer(() => this.#check(), remainingMs)
  }
}
