import type { Clock } from '../runtime/clock.ts'
import type { Log } from '../runtime/logger.ts'
import type { LeaseLock } from './lease-lock.ts'

/** One candidate's part in the election: who it is, its times, and its access to the Lease. */
export interface Election {
  identity: string
  lock: LeaseLock
  clock: Clock
  random: () => number
  log: Log
  times: ElectionTimes
}

export interface ElectionTimes {
  /** How long others leave the Lease alone after they have seen it renewed. */
  leaseMs: number
  /** How long the leader goes on after it sent its last successful renewal. */
  renewDeadlineMs: number
  /** How often the Lease is looked at, or renewed. */
  retryMs: number
}

/** Completes the times; refuses those with which a leader could outlive its Lease. */
export function electionTimes(given: Partial<ElectionTimes>): ElectionTimes {
  const { leaseMs = 15_000 } = given
  const { renewDeadlineMs = (leaseMs * 2) / 3, retryMs = (leaseMs * 2) / 15 } = given
  if (!(retryMs > 0 && retryMs < renewDeadlineMs && renewDeadlineMs < leaseMs)) {
    throw new RangeError(`0 < retryMs ${retryMs} < renewDeadlineMs ${renewDeadlineMs} < leaseMs ${leaseMs} must hold`)
  }
  return { leaseMs, renewDeadlineMs, retryMs }
}

/** One request may take half the time that a renewal may, so that there is a second try. */
export function requestLimitMs({ times }: Election): number {
  return times.renewDeadlineMs / 2
}

/** The retry period less up to a quarter, by chance: candidates do not come in step, and none comes late. */
export function jitteredRetryMs({ times, random }: Election): number {
  return times.retryMs * (1 - random() / 4)
}
