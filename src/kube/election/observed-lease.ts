import type { Lease } from './lease.ts'

/**
 * Another's Lease as we watch it. It counts as held for its whole duration after we last saw it change, by our own
 * monotonic clock; the times written in it are never read. A Lease that vanished is still its holder's for that long.
 */
export class ObservedLease {
  readonly #identity: string
  readonly #defaultMs: number
  #spec = ''
  #heldUntil = Number.NEGATIVE_INFINITY

  constructor(identity: string, defaultMs: number) {
    this.#identity = identity
    this.#defaultMs = defaultMs
  }

  /** What a read has shown that was answered by this time. */
  observe(lease: Lease | undefined, atMs: number): void {
    if (lease === undefined) return
    const spec = JSON.stringify(lease.spec)
    const { holderIdentity = '', leaseDurationSeconds = 0 } = lease.spec ?? {}
    const isFree = holderIdentity === '' || holderIdentity === this.#identity
    const durationMs = leaseDurationSeconds > 0 ? leaseDurationSeconds * 1000 : this.#defaultMs
    if (isFree) this.#heldUntil = Number.NEGATIVE_INFINITY
    else if (spec !== this.#spec) this.#heldUntil = atMs + durationMs
    this.#spec = spec
  }

  /** How long it must still be left alone; 0 when it may be taken. */
  heldForMs(nowMs: number): number {
    return Math.max(0, this.#heldUntil - nowMs)
  }
}
