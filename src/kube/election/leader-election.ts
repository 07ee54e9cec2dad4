import type { KubeClient } from '../client/client.ts'
import { LeaseLost } from '../client/errors.ts'
import { Backoff } from '../runtime/backoff.ts'
import { type Clock, systemClock } from '../runtime/clock.ts'
import type { Log } from '../runtime/logger.ts'
import { linkedAbortController } from '../runtime/signals.ts'
import { LeaseAcquirer, type AcquiredLease } from './acquire.ts'
import { type Election, type ElectionTimes, electionTimes } from './election.ts'
import { LeaseLock } from './lease-lock.ts'
import { LeaseRenewer } from './renew.ts'
import type { WriteGuard } from './write-guard.ts'

/** One period of leadership. */
export interface Leadership {
  /** Aborted when the leadership ends, for any reason: stop working. */
  signal: AbortSignal
  /** For `client.guarded`: no request starts after the deadline. */
  guard: WriteGuard
}

export interface LeaderElectionOptions extends Partial<ElectionTimes> {
  /** A dedicated client: a renewal must not queue behind the requests of controllers. */
  client: KubeClient
  namespace: string
  name: string
  /** Unique to this process: two processes with one identity would both lead. */
  identity: string
  clock?: Clock
  random?: () => number
  log: Log
}

/**
 * Runs for leader on a Lease, repeatedly. Requests under its guard end before another process may acquire the Lease, so
 * that at most one leader writes. Durations are monotonic; the wall clock is only written for readers. A process that
 * restarts under the same identity acquires its own Lease at once.
 */
export class LeaderElection {
  readonly #election: Election
  readonly #acquirer: LeaseAcquirer
  readonly #backoff: Backoff
  #held: LeaseRenewer | undefined

  constructor(options: LeaderElectionOptions) {
    const { client, namespace, name, identity, clock = systemClock, random = Math.random, log } = options
    const times = electionTimes(options)
    const lock = new LeaseLock(client, clock, { namespace, name })
    this.#election = { identity, lock, clock, random, log, times }
    this.#acquirer = new LeaseAcquirer(this.#election)
    this.#backoff = new Backoff({ clock, random, minMs: times.retryMs, maxMs: 60_000, resetAfterMs: times.leaseMs })
  }

  isLeader(): boolean {
    return (this.#held?.guard.leftMs ?? 0) > 0
  }

  /**
   * Runs `lead` each time this process acquires the Lease, and awaits its end before the next attempt. Losing the Lease
   * aborts the leadership's signal. The outer signal aborts it too, and the Lease is released after `lead` has ended.
   * A `lead` that returns early also releases the Lease; the next attempt follows after a back-off. Never rejects.
   */
  async run(lead: (leadership: Leadership) => Promise<void>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const acquired = await this.#acquirer.acquire(signal)
      if (acquired !== undefined) await this.#serve(acquired, lead, signal)
    }
  }

  async #serve(
    acquired: AcquiredLease,
    lead: (leadership: Leadership) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const { identity, log, clock } = this.#election
    const held = new LeaseRenewer(this.#election, acquired)
    const { guard } = held
    const leadership = linkedAbortController(signal, guard.signal)
    this.#held = held
    this.#backoff.healthy()
    log.info({ identity }, 'became leader')
    const renewed = held.renew(leadership.signal)
    if (!leadership.signal.aborted) await this.#lead(lead, { signal: leadership.signal, guard })
    const isLost = guard.leftMs === 0
    const isOver = leadership.signal.aborted
    leadership.abort(new LeaseLost('the leadership has ended'))
    await renewed
    guard.end(new LeaseLost('the leadership has ended'))
    leadership.release()
    const reason: unknown = guard.signal.reason
    if (isLost) log.warn({ identity, err: reason }, 'lost the lease')
    else await held.release()
    log.info({ identity }, 'stopped leading')
    if (!isOver) await clock.sleep(this.#backoff.next(), signal).catch(() => {})
  }

  async #lead(lead: (leadership: Leadership) => Promise<void>, leadership: Leadership): Promise<void> {
    const { log } = this.#election
    try {
      await lead(leadership)
      if (!leadership.signal.aborted) log.warn({}, 'the leader returned before its leadership ended')
    } catch (error) {
      if (leadership.signal.aborted) log.debug({ err: error }, 'the leader was interrupted')
      else log.error({ err: error }, 'the leader failed')
    }
  }
}
