import type { RunnerJob } from '../../api/runner-job.ts'

/** Upper bounds of the buckets of job durations, in seconds. */
export const durationBounds = [10, 30, 60, 120, 300, 600, 1800, 3600] as const

/**
 * How many jobs ended in each phase, and how long they ran. All are whole numbers, so that additions and subtractions
 * cancel exactly.
 */
export interface Totals {
  completed: number
  failed: number
  cancelled: number
  /** Jobs that ran no longer than each bound; the last number is all jobs that ran. */
  within: readonly number[]
  /** Sum of their durations, in milliseconds. */
  ranMs: number
}

export const noJobs: Totals = {
  completed: 0,
  failed: 0,
  cancelled: 0,
  within: [...durationBounds, 0].map(() => 0),
  ranMs: 0,
}

/** The share of one job: nothing before it has finished. A job that never started has no duration. */
export function shareOf({ status }: RunnerJob): Totals {
  const { phase, startedAt, completedAt } = status
  const ended = {
    completed: Number(phase === 'Completed'),
    failed: Number(phase === 'Failed'),
    cancelled: Number(phase === 'Cancelled'),
  }
  const isOver = ended.completed + ended.failed + ended.cancelled > 0
  const ranMs = Date.parse(completedAt ?? '') - Date.parse(startedAt ?? '')
  if (!isOver || !(ranMs >= 0)) return { ...noJobs, ...ended }
  return { ...ended, within: [...durationBounds.map((bound) => Number(ranMs <= bound * 1000)), 1], ranMs }
}

export function plus(a: Totals, b: Totals): Totals {
  return combined(a, b, (x, y) => x + y)
}

export function minus(a: Totals, b: Totals): Totals {
  return combined(a, b, (x, y) => x - y)
}

/** The maximum of each number. */
export function highest(a: Totals, b: Totals): Totals {
  return combined(a, b, Math.max)
}

function combined(a: Totals, b: Totals, of: (x: number, y: number) => number): Totals {
  return {
    completed: of(a.completed, b.completed),
    failed: of(a.failed, b.failed),
    cancelled: of(a.cancelled, b.cancelled),
    within: a.within.map((count, index) => of(count, b.within[index] ?? 0)),
    ranMs: of(a.ranMs, b.ranMs),
  }
}
