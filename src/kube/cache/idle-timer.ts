import type { Clock } from '../runtime/clock.ts'

/** Calls back when nothing was heard for a time. Hearing something costs no timer: the one that runs looks back. */
export class IdleTimer {
  readonly #clock: Clock
  readonly #limitMs: number
  readonly #onSilence: () => void
  #heardAt: number
  #cancel: () => void

  constructor(clock: Clock, limitMs: number, onSilence: () => void) {
    this.#clock = clock
    this.#limitMs = limitMs
    this.#onSilence = onSilence
    this.#heardAt = clock.monotonicMs()
    this.#cancel = clock.setTimer(() => this.#look(), limitMs)
  }

  touch(): void {
    this.#heardAt = this.#clock.monotonicMs()
  }

  stop(): void {
    this.#cancel()
  }

  #look(): void {
    const leftMs = this.#heardAt + this.#limitMs - this.#clock.monotonicMs()
    if (leftMs <= 0) this.#onSilence()
    else this.#cancel = this.#clock.setTimer(() => this.#look(), leftMs)
  }
}
