import type { Clock } from '../runtime/clock.ts'
import type { Log } from '../runtime/logger.ts'
import type { LeaseLock } from './lease-lock.ts'

/** One participant of the election: its identity, its times and its access to the Lease. */
export interface Election {
  identity: string
  lock: LeaseLock
  clock: Clock
  random: () => number
  log: Log
  times: ElectionTimes
}

export interface ElectionTimes {
  /** How long other processes wait after they last saw the Lease change. */
  leaseMs: number
  /** How long the leader continues after it sent its last successful renewal. */
  renewDeadlineMs: number
  /** The period of renewals of the Lease; candidates read it twice as often. */
  retryMs: number
}

/** Completes the times; throws on those with which a leader could outlive its Lease. */
export function electionTimes(given: Partial<ElectionTimes>): ElectionTimes {
  const { leaseMs = 15_000 } = given
  const { renewDeadlineMs = (leaseMs * 2) / 3, retryMs = (leaseMs * 2) / 15 } = given
  if (!(retryMs > 0 && retryMs < renewDeadlineMs && renewDeadlineMs < leaseMs)) {
    throw new RangeError(`must be 0 < retryMs ${retryMs} < renewDeadlineMs ${renewDeadlineMs} < leaseMs ${leaseMs}`)
  }
  return { leaseMs, renewDeadlineMs, retryMs }
}

/** The time limit of one request: half the renew deadline, so that a second attempt fits. */
export function requestLimitMs({ times }: Election): number {
  return times.renewDeadlineMs / 2
}

/**
 * The pause between two reads of another's Lease. It is half of the retry period: a renewal is seen by then, so that a
 * candidate waits little longer than the Lease lasts.
 */
export function observeMs(election: Pick<Election, 'times' | 'random'>): number {
  return jitteredRetryMs(election) / 2
}

/** The retry period, randomly shortened by up to a quarter: processes do not retry in step, and none is late. */
export function jitteredRetryMs({ times, random }: Pick<Election, 'times' | 'random'>): number {
  return times.retryMs * (1 - random() / 4)
}
