import type { JobRow } from './job-row.ts'

/** One interval of a chart. Values without a job are null. */
export interface Bucket {
  fromMs: number
  completed: number
  failed: number
  cancelled: number
  /** Median and 95th percentile of the wait of jobs that started in this interval, in seconds. */
  waitMedian: number | null
  waitHigh: number | null
}

/** What happened in one pool. */
export interface PoolActivity {
  pool: string
  finished: number
  failed: number
  /** Median wait of the jobs that started, in seconds; null without one. */
  waitMedian: number | null
}

/** What the charts show. */
export interface Activity {
  buckets: readonly Bucket[]
  started: number
  finished: number
  failed: number
  /** Median wait of all jobs that started, in seconds; null without one. */
  waitMedian: number | null
  /** The pools of jobs that started or ended, those with the most ended jobs first. */
  byPool: readonly PoolActivity[]
}

export const NO_POOL = 'no pool'

const BUCKETS = 48

/** Counts the jobs of the last hours, in intervals of equal length that end at whole multiples of it. */
export function activityOf(rows: readonly JobRow[], { hours, nowMs }: { hours: number; nowMs: number }): Activity {
  const stepMs = (hours * 3_600_000) / BUCKETS
  const endMs = Math.ceil(nowMs / stepMs) * stepMs
  const startMs = endMs - BUCKETS * stepMs
  const waits = Array.from({ length: BUCKETS }, (): number[] => [])
  const buckets = waits.map((_, index) => ({ fromMs: startMs + index * stepMs, completed: 0, failed: 0, cancelled: 0 }))
  const pools = new Map<string, { finished: number; failed: number; waits: number[] }>()
  const indexOf = (ms: number | null): number => (ms === null ? -1 : Math.floor((ms - startMs) / stepMs))
  for (const row of rows) {
    const started = waits[indexOf(row.startedMs)]
    const bucket = buckets[indexOf(row.completedMs)]
    if (started === undefined && bucket === undefined) continue
    const name = row.pool ?? NO_POOL
    const pool = pools.get(name) ?? { finished: 0, failed: 0, waits: [] }
    pools.set(name, pool)
    const waitS = ((row.startedMs ?? 0) - row.delegatedMs) / 1000
    if (started !== undefined) for (const list of [started, pool.waits]) list.push(waitS)
    if (bucket === undefined) continue
    pool.finished += 1
    if (row.state === 'failed') pool.failed += 1
    if (row.state === 'completed' || row.state === 'failed' || row.state === 'cancelled') bucket[row.state] += 1
  }
  const all = waits.flat()
  return {
    buckets: buckets.map((bucket, index) => ({ ...bucket, ...waitsOf(waits[index] ?? []) })),
    started: all.length,
    finished: sum(buckets.map(({ completed, failed, cancelled }) => completed + failed + cancelled)),
    failed: sum(buckets.map(({ failed }) => failed)),
    waitMedian: waitsOf(all).waitMedian,
    byPool: [...pools]
      .map(([pool, { waits: own, ...counts }]) => ({ pool, ...counts, waitMedian: waitsOf(own).waitMedian }))
      .sort((a, b) => b.finished - a.finished || (a.pool < b.pool ? -1 : 1)),
  }
}

function waitsOf(waits: readonly number[]): Pick<Bucket, 'waitMedian' | 'waitHigh'> {
  const sorted = waits.toSorted((a, b) => a - b)
  const at = (part: number): number | null =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? null
  return { waitMedian: at(0.5), waitHigh: at(0.95) }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
