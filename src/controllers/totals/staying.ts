import type { Clock } from '../../kube/runtime/clock.ts'

/** For how long a counted job may exist until something must be keeping it: its delete follows the count at once. */
const STAYS_MS = 60_000

/** The counted jobs that still exist, and since when. A policy that refuses their deletion may keep them for any time. */
export class StayingJobs {
  readonly #clock: Clock
  readonly #since = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Whether a counted job that still exists has done so for long. */
  isStuck(uid: string): boolean {
    const now = this.#clock.monotonicMs()
    const since = this.#since.get(uid) ?? now
    this.#since.set(uid, since)
    return now - since >= STAYS_MS
  }

  /** Forgets all others. */
  keepOnly(uids: readonly string[]): void {
    const kept = new Set(uids)
    for (const uid of this.#since.keys()) if (!kept.has(uid)) this.#since.delete(uid)
  }
}
