import { type JobState, jobStates } from '../../api/job-state.ts'
import { fieldsOf } from '../../api/json.ts'
import { textOr, timeOr } from './values.ts'

/** A job as the list shows it. Times are in milliseconds; unknown values are null. */
export interface JobRow {
  id: string
  repository: string
  workflow: string | null
  runnerName: string | null
  pool: string | null
  state: JobState
  reason: string | null
  /** 1 queued, 2 assigned, 3 running, 4 over. */
  sequence: number
  delegatedMs: number
  assignedMs: number | null
  startedMs: number | null
  completedMs: number | null
}

/** Reads a job of a snapshot or an event; undefined if it is none. */
export function parseJobRow(value: unknown): JobRow | undefined {
  const { jobId, repository, status, sequence, ...facts } = fieldsOf(value)
  const state = jobStates.find((each) => each === status)
  const delegatedMs = timeOr(facts['delegatedAt'])
  if (typeof jobId !== 'string' || typeof repository !== 'string' || state === undefined) return undefined
  if (typeof sequence !== 'number' || delegatedMs === null) return undefined
  return {
    id: jobId,
    repository,
    state,
    sequence,
    delegatedMs,
    workflow: textOr(facts['workflow']),
    runnerName: textOr(facts['runnerName']),
    pool: textOr(facts['pool']),
    reason: textOr(facts['reason']),
    assignedMs: timeOr(facts['assignedAt']),
    startedMs: timeOr(facts['startedAt']),
    completedMs: timeOr(facts['completedAt']),
  }
}

/** Whether a job has ended. */
export function isOver({ state }: Pick<JobRow, 'state'>): boolean {
  return state === 'completed' || state === 'failed' || state === 'cancelled'
}

/** How long a job waited for its start, so far or in all; null if it ended before. */
export function waitMs(row: JobRow, nowMs: number): number | null {
  if (row.startedMs !== null) return row.startedMs - row.delegatedMs
  return isOver(row) ? null : Math.max(0, nowMs - row.delegatedMs)
}

/** How long a job ran, so far or in all; null if it has not started. */
export function runMs(row: JobRow, nowMs: number): number | null {
  if (row.startedMs === null) return null
  return Math.max(0, (row.completedMs ?? nowMs) - row.startedMs)
}
