import { type Clock, sleepOn } from '../../src/kube/runtime/clock.ts'

interface Timer {
  at: number
  callback: () => void
}

/** A clock that only a test advances. */
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

  /** The number of pending timers; a test awaits this before it advances the clock. */
  get timers(): number {
    return this.#timers.size
  }

  /** Advances the clock: each due timer runs at its own time, and the work that it starts runs before the next timer. */
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

  /** Advances the clock without running timers, as for a process that was stopped. */
  jump(ms: number): void {
    this.#elapsed += ms
  }

  #firstUntil(end: number): Timer | undefined {
    let first: Timer | undefined
    for (const timer of this.#timers) if (timer.at <= end && (first === undefined || timer.at < first.at)) first = timer
    return first
  }
}

/** Runs the callbacks of all settled promises. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
