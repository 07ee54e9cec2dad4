import { DELEGATION_BODY_ANNOTATION } from '../../api/names.ts'
import type { RunnerJob } from '../../api/runner-job.ts'
import { isFinished } from './phases.ts'
import { delegatedAt } from './status.ts'

/**
 * How long an unnamed delegation that comes again means the same job even when that is over: long enough for a caller
 * who lost the answer and tries again. The legs of a matrix share all facts, and follow each other within minutes.
 */
const REPEAT_MS = 15_000

/** Replicas whose clocks differ by less than this agree on what is a repeat. */
const SKEW_MS = 15_000

/** How long a delegation with an Idempotency-Key means the same job even when that is over. */
export interface RepeatOptions {
  nowMs: number
  namedWindowMs: number
}

/**
 * Whether a delegation of the same key, which comes now, means this job: it is not over, or it is young. By
 * proxy-complete its proxy runner has said that it saw the end: without an Idempotency-Key, what it delegates afterwards
 * is a new job.
 */
export function isRepeat(job: RunnerJob, { nowMs, namedWindowMs }: RepeatOptions): boolean {
  if (job.metadata.deletionTimestamp !== undefined) return false
  if (!isFinished(job)) return true
  if (isNamed(job)) return nowMs - Date.parse(delegatedAt(job)) < namedWindowMs
  return job.status.reported?.completedAt === undefined && nowMs - madeAtMs(job) < REPEAT_MS
}

/** Whether it changes anything to store that the proxy runner saw the job's end. */
export function endsRepeats(job: RunnerJob, nowMs: number): boolean {
  if (isNamed(job) || job.status.reported?.completedAt !== undefined) return false
  return nowMs - madeAtMs(job) < REPEAT_MS + SKEW_MS
}

/** When it came to be: a create may arrive long after the call that sent it was given up. Its own time has whole seconds. */
function madeAtMs(job: RunnerJob): number {
  return Math.max(Date.parse(delegatedAt(job)), Date.parse(job.metadata.creationTimestamp))
}

/** Whether it was delegated with an Idempotency-Key. */
function isNamed(job: RunnerJob): boolean {
  return job.metadata.annotations?.[DELEGATION_BODY_ANNOTATION] !== undefined
}
