import { AlreadyExists, Conflict, LeaseLost, NotFound } from '../client/errors.ts'
import type { AcquiredLease } from './acquire.ts'
import { type Election, jitteredRetryMs, requestLimitMs } from './election.ts'
import { heldSpec, type Lease, releasedSpec } from './lease.ts'
import { WriteDeadline } from './write-guard.ts'

const releaseAttempts = 3

/**
 * Renews the Lease while we hold it. Its guard is valid for the renew deadline, counted from when the last successful
 * renewal was sent. That is before any other process can have seen the renewal, and shorter than others wait.
 */
export class LeaseRenewer {
  readonly guard: WriteDeadline
  readonly #election: Election
  #lease: Lease | undefined

  constructor(election: Election, acquired: AcquiredLease) {
    this.#election = election
    this.#lease = acquired.lease
    this.guard = new WriteDeadline(election.clock, acquired.requestedAtMs + election.times.renewDeadlineMs)
  }

  /** Renews until the signal is aborted or the guard has ended. Never rejects. */
  async renew(signal: AbortSignal): Promise<void> {
    const { clock } = this.#election
    let delayMs = jitteredRetryMs(this.#election)
    while (!signal.aborted && !this.guard.signal.aborted) {
      await clock.sleep(delayMs, signal).catch(() => {})
      if (signal.aborted || this.guard.leftMs === 0) return
      const isSettled = await this.#attempt(signal)
      delayMs = jitteredRetryMs(this.#election) / (isSettled ? 1 : 10)
    }
  }

  /** Releases the Lease, so that another process need not wait for its expiry. Best effort, never rejects. */
  async release(): Promise<void> {
    for (let attempt = 1; attempt <= releaseAttempts; attempt += 1) {
      try {
        return await this.#release()
      } catch (error) {
        if (isOutdated(error)) continue // a renewal that we aborted succeeded after all
        this.#election.log.warn({ err: error }, 'cannot release the lease; it expires')
        return
      }
    }
  }

  async #release(): Promise<void> {
    const { lock, clock, identity } = this.#election
    const limitMs = requestLimitMs(this.#election)
    const { signal } = new AbortController()
    const lease = await lock.read(limitMs, signal)
    if (lease?.spec?.holderIdentity !== identity) return
    await lock.write(lease, releasedSpec(lease.spec, clock.now()), limitMs, signal)
  }

  /** False if the next attempt should follow soon, because only our copy of the Lease was stale. */
  async #attempt(signal: AbortSignal): Promise<boolean> {
    const { lock, clock, identity, times, log } = this.#election
    const requestedAtMs = clock.monotonicMs()
    try {
      const spec = heldSpec(this.#lease?.spec, { identity, leaseMs: times.leaseMs, now: clock.now() })
      this.#lease = await lock.write(this.#lease, spec, this.#limitMs(), signal)
      this.guard.extend(requestedAtMs + times.renewDeadlineMs)
      return true
    } catch (error) {
      if (signal.aborted) return true
      if (isOutdated(error)) return !(await this.#refresh(signal))
      log.warn({ err: error, leftMs: this.guard.leftMs }, 'cannot renew the lease')
      return true
    }
  }

  /** Reads the current Lease, and ends the leadership if another process holds it. True if the read succeeded. */
  async #refresh(signal: AbortSignal): Promise<boolean> {
    const { lock, identity, log } = this.#election
    try {
      const lease = await lock.read(this.#limitMs(), signal)
      const holder = lease === undefined ? identity : (lease.spec?.holderIdentity ?? '')
      if (holder === identity) this.#lease = lease
      else this.guard.end(new LeaseLost(`${holder || 'nobody'} holds the lease`))
      return true
    } catch (error) {
      if (!signal.aborted) log.warn({ err: error, leftMs: this.guard.leftMs }, 'cannot renew the lease')
      return false
    }
  }

  #limitMs(): number {
    return Math.max(1, Math.min(requestLimitMs(this.#election), Math.ceil(this.guard.leftMs)))
  }
}

/** Whether our copy of the Lease is stale. */
function isOutdated(error: unknown): boolean {
  return error instanceof Conflict || error instanceof NotFound || error instanceof AlreadyExists
}
