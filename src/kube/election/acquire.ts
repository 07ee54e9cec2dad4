import { AlreadyExists, Conflict } from '../client/errors.ts'
import { Backoff } from '../runtime/backoff.ts'
import { type Election, jitteredRetryMs, requestLimitMs } from './election.ts'
import { heldSpec, type Lease } from './lease.ts'
import { ObservedLease } from './observed-lease.ts'

/** A Lease that was taken, and the monotonic time before the request for it was sent. */
export interface AcquiredLease {
  lease: Lease
  askedAtMs: number
}

/** Looks at the Lease, and takes it once it is free or has not been renewed for its whole duration. */
export class LeaseAcquirer {
  readonly #election: Election
  readonly #seen: ObservedLease
  readonly #backoff: Backoff

  constructor(election: Election) {
    const { clock, random, identity, times } = election
    this.#election = election
    this.#seen = new ObservedLease(identity, times.leaseMs)
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

  /** The grant, or after how many milliseconds to look again. Never rejects. */
  async #attempt(signal: AbortSignal): Promise<AcquiredLease | number> {
    const { log } = this.#election
    try {
      const outcome = await this.#takeIfFree(signal)
      this.#backoff.healthy()
      return outcome
    } catch (error) {
      if (signal.aborted) return 0
      if (error instanceof Conflict || error instanceof AlreadyExists) {
        log.debug({ err: error }, 'another candidate was quicker')
        return jitteredRetryMs(this.#election)
      }
      const againInMs = this.#backoff.next()
      log.warn({ err: error, againInMs }, 'cannot stand for leader')
      return againInMs
    }
  }

  async #takeIfFree(signal: AbortSignal): Promise<AcquiredLease | number> {
    const { lock: access, clock, identity, times } = this.#election
    const limitMs = requestLimitMs(this.#election)
    const lease = await access.read(limitMs, signal)
    this.#seen.observe(lease, clock.monotonicMs())
    const heldForMs = this.#seen.heldForMs(clock.monotonicMs())
    if (heldForMs > 0) return Math.min(Math.ceil(heldForMs), jitteredRetryMs(this.#election))
    const askedAtMs = clock.monotonicMs()
    const spec = heldSpec(lease?.spec, { identity, leaseMs: times.leaseMs, now: clock.now() })
    // Not under the caller's signal: a write that is cut off may have been done, and then nobody would release the Lease.
    const { signal: uncut } = new AbortController()
    return { lease: await access.write(lease, spec, limitMs, uncut), askedAtMs }
  }
}
