import type { RunnerJob } from '../../api/runner-job.ts'

/** Upper bounds of the buckets of job durations, in seconds. */
export const durationBounds = [10, 30, 60, 120, 300, 600, 1800, 3600] as const

/**
 * How many jobs ended how, and how long they ran. Whole numbers throughout, so that what is added and taken away again
 * leaves no rest.
 */
export interface Totals {
  completed: number
  failed: number
  cancelled: number
  /** Jobs that ran no longer than each bound, and at the end all that ran at all. */
  within: readonly number[]
  /** How long all of them ran, in milliseconds. */
  ranMs: number
}

export const noJobs: Totals = {
  completed: 0,
  failed: 0,
  cancelled: 0,
  within: [...durationBounds, 0].map(() => 0),
  ranMs: 0,
}

/** What one job counts for: nothing before it is over. A job that never started has no duration. */
export function shareOf({ status }: RunnerJob): Totals {
  const { phase, startedAt, completedAt } = status
  const over = {
    completed: Number(phase === 'Completed'),
    failed: Number(phase === 'Failed'),
    cancelled: Number(phase === 'Cancelled'),
  }
  const isOver = over.completed + over.failed + over.cancelled > 0
  const ranMs = Date.parse(completedAt ?? '') - Date.parse(startedAt ?? '')
  if (!isOver || !(ranMs >= 0)) return { ...noJobs, ...over }
  return { ...over, within: [...durationBounds.map((bound) => Number(ranMs <= bound * 1000)), 1], ranMs }
}

export function plus(a: Totals, b: Totals): Totals {
  return combined(a, b, (one, other) => one + other)
}

export function minus(a: Totals, b: Totals): Totals {
  return combined(a, b, (one, other) => one - other)
}

/** Of each number the greater one. */
export function highest(a: Totals, b: Totals): Totals {
  return combined(a, b, Math.max)
}

function combined(a: Totals, b: Totals, of: (one: number, other: number) => number): Totals {
  return {
    completed: of(a.completed, b.completed),
    failed: of(a.failed, b.failed),
    cancelled: of(a.cancelled, b.cancelled),
    within: a.within.map((count, index) => of(count, b.within[index] ?? 0)),
    ranMs: of(a.ranMs, b.ranMs),
  }
}
