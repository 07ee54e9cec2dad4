import { AlreadyExists, Conflict } from '../client/errors.ts'
import { Backoff } from '../runtime/backoff.ts'
import { type Election, jitteredRetryMs, observeMs, requestLimitMs } from './election.ts'
import { heldSpec, type Lease } from './lease.ts'
import { ObservedLease } from './observed-lease.ts'

/** An acquired Lease, and the monotonic time before its request was sent. */
export interface AcquiredLease {
  lease: Lease
  requestedAtMs: number
}

/** Observes the Lease, and acquires it once it is free or has not been renewed for its whole duration. */
export class LeaseAcquirer {
  readonly #election: Election
  readonly #observed: ObservedLease
  readonly #backoff: Backoff

  constructor(election: Election) {
    const { clock, random, identity, times } = election
    this.#election = election
    this.#observed = new ObservedLease(identity, times.leaseMs)
    this.#backoff = new Backoff({ clock, random, minMs: times.retryMs, maxMs: times.leaseMs, resetAfterMs: 0 })
  }

  /** Resolves when the Lease is ours; undefined once the signal is aborted. */
  async acquire(signal: AbortSignal): Promise<AcquiredLease | undefined> {
    while (!signal.aborted) {
      const outcome = await this.#attempt(signal)
      if (typeof outcome !== 'number') return outcome
      await this.#election.clock.sleep(outcome, signal).catch(() => {})
    }
    return undefined
  }

  /** The acquired Lease, or the delay in milliseconds until the next attempt. Never rejects. */
  async #attempt(signal: AbortSignal): Promise<AcquiredLease | number> {
    const { log } = this.#election
    try {
      const outcome = await this.#takeIfFree(signal)
      this.#backoff.healthy()
      return outcome
    } catch (error) {
      if (signal.aborted) return 0
      if (error instanceof Conflict || error instanceof AlreadyExists) {
        log.debug({ err: error }, 'another process acquired the lease first')
        return jitteredRetryMs(this.#election)
      }
      const againInMs = this.#backoff.next()
      log.warn({ err: error, againInMs }, 'cannot acquire the lease')
      return againInMs
    }
  }

  async #takeIfFree(signal: AbortSignal): Promise<AcquiredLease | number> {
    const { lock, clock, identity, times } = this.#election
    const limitMs = requestLimitMs(this.#election)
    const lease = await lock.read(limitMs, signal)
    this.#observed.observe(lease, clock.monotonicMs())
    const heldForMs = this.#observed.heldForMs(clock.monotonicMs())
    if (heldForMs > 0) return Math.min(Math.ceil(heldForMs), observeMs(this.#election))
    const requestedAtMs = clock.monotonicMs()
    const spec = heldSpec(lease?.spec, { identity, leaseMs: times.leaseMs, now: clock.now() })
    // Not under the caller's signal: an aborted write may have succeeded, and nobody would release the Lease.
    const { signal: unaborted } = new AbortController()
    return { lease: await lock.write(lease, spec, limitMs, unaborted), requestedAtMs }
  }
}
