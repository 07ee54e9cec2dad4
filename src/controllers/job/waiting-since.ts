import type { Clock } from '../../kube/runtime/clock.ts'

/** How long each key has wanted the same value. A restart loses this, which only delays a write. */
export class WaitingSince {
  readonly #clock: Clock
  readonly #since = new Map<string, { what: string; ms: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Milliseconds since the key began to want `what` without a break. */
  ageMs(key: string, what: string): number {
    const now = this.#clock.monotonicMs()
    const known = this.#since.get(key)
    if (known?.what === what) return now - known.ms
    this.#since.set(key, { what, ms: now })
    return 0
  }

  forget(key: string): void {
    this.#since.delete(key)
  }
}
