import { AlreadyExists, Conflict, LeaseLost, NotFound } from '../client/errors.ts'
import type { AcquiredLease } from './acquire.ts'
import { type Election, jitteredRetryMs, requestLimitMs } from './election.ts'
import { heldSpec, type Lease, releasedSpec } from './lease.ts'
import { WriteDeadline } from './write-guard.ts'

const releaseAttempts = 3

/**
 * The Lease while we hold it. Its guard is valid for the renew deadline after the last successful renewal was sent,
 * which is earlier than any other candidate can have seen that renewal, and shorter than others wait.
 */
export class LeaseRenewer {
  readonly guard: WriteDeadline
  readonly #election: Election
  #lease: Lease | undefined

  constructor(election: Election, grant: AcquiredLease) {
    this.#election = election
    this.#lease = grant.lease
    this.guard = new WriteDeadline(election.clock, grant.askedAtMs + election.times.renewDeadlineMs)
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

  /** Gives the Lease away, so that another candidate need not wait for its end. Best effort, never rejects. */
  async release(): Promise<void> {
    for (let attempt = 1; attempt <= releaseAttempts; attempt += 1) {
      try {
        return await this.#release()
      } catch (error) {
        if (isOutdated(error)) continue // a renewal that we cut off was done after all
        this.#election.log.warn({ err: error }, 'lease not released; it ends by itself')
        return
      }
    }
  }

  async #release(): Promise<void> {
    const { lock: access, clock, identity } = this.#election
    const limitMs = requestLimitMs(this.#election)
    const { signal } = new AbortController()
    const lease = await access.read(limitMs, signal)
    if (lease?.spec?.holderIdentity !== identity) return
    await access.write(lease, releasedSpec(lease.spec, clock.now()), limitMs, signal)
  }

  /** False if the next try should follow soon, because only our knowledge of the Lease was old. */
  async #attempt(signal: AbortSignal): Promise<boolean> {
    const { lock: access, clock, identity, times, log } = this.#election
    const askedAtMs = clock.monotonicMs()
    try {
      const spec = heldSpec(this.#lease?.spec, { identity, leaseMs: times.leaseMs, now: clock.now() })
      this.#lease = await access.write(this.#lease, spec, this.#limitMs(), signal)
      this.guard.extend(askedAtMs + times.renewDeadlineMs)
      return true
    } catch (error) {
      if (signal.aborted) return true
      if (isOutdated(error)) return !(await this.#lookAgain(signal))
      log.warn({ err: error, leftMs: this.guard.leftMs }, 'lease not renewed')
      return true
    }
  }

  /** Reads the Lease as it is now, and ends the term if another holds it. True if the read succeeded. */
  async #lookAgain(signal: AbortSignal): Promise<boolean> {
    const { lock: access, identity, log } = this.#election
    try {
      const lease = await access.read(this.#limitMs(), signal)
      const holder = lease === undefined ? identity : (lease.spec?.holderIdentity ?? '')
      if (holder === identity) this.#lease = lease
      else this.guard.end(new LeaseLost(`the lease is held by ${holder || 'nobody'}`))
      return true
    } catch (error) {
      if (!signal.aborted) log.warn({ err: error, leftMs: this.guard.leftMs }, 'lease not renewed')
      return false
    }
  }

  #limitMs(): number {
    return Math.max(1, Math.min(requestLimitMs(this.#election), Math.ceil(this.guard.leftMs)))
  }
}

/** The Lease is not as we last saw it. */
function isOutdated(error: unknown): boolean {
  return error instanceof Conflict || error instanceof NotFound || error instanceof AlreadyExists
}
