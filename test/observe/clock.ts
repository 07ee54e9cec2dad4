import { type Clock, sleepOn } from '../../src/kube/runtime/clock.ts'

interface Timer {
  at: number
  callback: () => void
}

/** A clock that stands still until a test moves it. */
export class HandClock implements Clock {
  readonly #timers = new Set<Timer>()
  readonly #start: number
  #elapsed = 0

  constructor(start: Date | string = '2026-01-01T00:00:00Z') {
    this.#start = new Date(start).getTime()
  }

  now(): Date {
    return new Date(this.#start + this.#elapsed)
  }

  monotonicMs(): number {
    return this.#elapsed
  }

  setTimer(callback: () => void, delayMs: number): () => void {
    const timer = { at: this.#elapsed + Math.max(0, delayMs), callback }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  sleep(delayMs: number, signal: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal)
  }

  /** How many timers are waiting; a test awaits this before it moves the clock. */
  get timers(): number {
    return this.#timers.size
  }

  /** Moves time on: every timer due on the way is called at its own time, and what it awakes runs before the next. */
  async advance(ms: number): Promise<void> {
    const end = this.#elapsed + ms
    await settled()
    for (let next = this.#firstUntil(end); next !== undefined; next = this.#firstUntil(end)) {
      this.#timers.delete(next)
      this.#elapsed = next.at
      next.callback()
      await settled()
    }
    this.#elapsed = end
    await settled()
  }

  /** Moves time on as a process meets it that was stopped: no timer has run, the clock just says later. */
  jump(ms: number): void {
    this.#elapsed += ms
  }

  #firstUntil(end: number): Timer | undefined {
    let first: Timer | undefined
    for (const timer of this.#timers) if (timer.at <= end && (first === undefined || timer.at < first.at)) first = timer
    return first
  }
}

/** Lets every promise that is already decided run to its next wait. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
