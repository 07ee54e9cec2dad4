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

/** One time of being leader. */
export interface Leadership {
  /** Aborted when the term ends, for whatever reason: stop working. */
  signal: AbortSignal
  /** For `client.guarded`: no request is begun after the deadline. */
  guard: WriteGuard
}

export interface LeaderElectionOptions extends Partial<ElectionTimes> {
  /** A client of its own: a renewal must not wait in line behind the requests of controllers. */
  client: KubeClient
  namespace: string
  name: string
  /** Unique to this process: two with the same identity would both lead. */
  identity: string
  clock?: Clock
  random?: () => number
  log: Log
}

/**
 * Stands for leader on a Lease again and again. While it is leader, no other candidate is, as far as requests under
 * its guard are concerned: they end before another may take the Lease. Durations are monotonic; the wall clock is only
 * shown to readers. A process restarted under the same identity takes its own Lease at once.
 */
export class LeaderElection {
  readonly #election: Election
  readonly #candidate: LeaseAcquirer
  readonly #backoff: Backoff
  #held: LeaseRenewer | undefined

  constructor(options: LeaderElectionOptions) {
    const { client, namespace, name, identity, clock = systemClock, random = Math.random, log } = options
    const times = electionTimes(options)
    const access = new LeaseLock(client, clock, { namespace, name })
    this.#election = { identity, lock: access, clock, random, log, times }
    this.#candidate = new LeaseAcquirer(this.#election)
    this.#backoff = new Backoff({ clock, random, minMs: times.retryMs, maxMs: 60_000, resetAfterMs: times.leaseMs })
  }

  isLeader(): boolean {
    return (this.#held?.guard.leftMs ?? 0) > 0
  }

  /**
   * Runs `lead` each time the Lease is ours, and awaits its end before the next candidacy. When the term is lost its
   * signal is aborted. When the outer signal is aborted, so is the term's; the Lease is released when `lead` has ended.
   * A `lead` that ends by itself gives the Lease away too, and stands again after a back-off. Never rejects.
   */
  async run(lead: (term: Leadership) => Promise<void>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const grant = await this.#candidate.acquire(signal)
      if (grant !== undefined) await this.#serve(grant, lead, signal)
    }
  }

  async #serve(grant: AcquiredLease, lead: (term: Leadership) => Promise<void>, signal: AbortSignal): Promise<void> {
    const { identity, log, clock } = this.#election
    const held = new LeaseRenewer(this.#election, grant)
    const { guard } = held
    const term = linkedAbortController(signal, guard.signal)
    this.#held = held
    this.#backoff.healthy()
    log.info({ identity }, 'became leader')
    const renewed = held.renew(term.signal)
    if (!term.signal.aborted) await this.#lead(lead, { signal: term.signal, guard })
    const isLost = guard.leftMs === 0
    const isOver = term.signal.aborted
    term.abort(new LeaseLost('the term is over'))
    await renewed
    guard.end(new LeaseLost('the term is over'))
    term.release()
    const reason: unknown = guard.signal.reason
    if (isLost) log.warn({ identity, err: reason }, 'lost the lease')
    else await held.release()
    log.info({ identity }, 'is no longer leader')
    if (!isOver) await clock.sleep(this.#backoff.next(), signal).catch(() => {})
  }
  async #lead(lead: (term: Leadership) => Promise<void>, term: Leadership): Promise<void> {
    const { log } = this.#election
    try {
      await lead(term)
      if (!term.signal.aborted) log.warn({}, 'the leader ended its work by itself')
    } catch (error) {
      if (term.signal.aborted) log.debug({ err: error }, 'the leader was interrupted')
      else log.error({ err: error }, 'the leader failed')
    }
  }
}
