import type { Healed } from './inject.ts'
import { inWords } from './schedule.ts'

/** A job of a load: when its client first asked for it, and when it was seen to start. Both are monotonic times. */
export interface Started {
  dueAt: number
  startedAt: number
}

/** What a fault cost the jobs that were due while it lasted. */
export interface Recovery {
  /** The kind of fault, and the whole of it in words. */
  is: string
  words: string
  /** The longest time from the first request for a job until its start. */
  longestMs: number
  /** How long after the end of the fault the last of these jobs started; 0 if all did before. */
  afterMs: number
}

/** The recovery from each fault. */
export function recoveriesOf(faults: readonly Healed[], jobs: readonly Started[]): Recovery[] {
  return faults.map(({ fault, beganAt, healedAt }) => {
    const met = jobs.filter(({ dueAt }) => dueAt >= beganAt && dueAt <= healedAt)
    return {
      is: fault.is,
      words: inWords(fault),
      longestMs: met.reduce((longest, { dueAt, startedAt }) => Math.max(longest, startedAt - dueAt), 0),
      afterMs: met.reduce((last, { startedAt }) => Math.max(last, startedAt - healedAt), 0),
    }
  })
}

/** One line for each kind of fault: how often it was tried, and its slowest recovery. */
export function worstRecoveries(recoveries: readonly Recovery[]): string[] {
  return [...Map.groupBy(recoveries, ({ is }) => is)].map(([is, all]) => {
    const longest = Math.max(...all.map(({ longestMs }) => longestMs))
    const after = Math.max(...all.map(({ afterMs }) => afterMs))
    return `${is.padEnd(16)} ${all.length} times; a job started ${seconds(longest)} after its request at the latest, and ${seconds(after)} after the fault`
  })
}

/** A recovery in words. */
export function recoveryInWords({ words, longestMs, afterMs }: Recovery): string {
  return `${words}: the slowest start took ${seconds(longestMs)}, and the last came ${seconds(afterMs)} after the fault`
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
