import { DELEGATION_BODY_ANNOTATION } from '../../api/names.ts'
import type { RunnerJob } from '../../api/runner-job.ts'
import { isFinished } from './phases.ts'
import { delegatedAt } from './status.ts'

/**
 * How long a repeated delegation without an Idempotency-Key refers to the same job even after that has finished: long
 * enough for a caller that lost the response and retries. The legs of a matrix share all facts and follow each other
 * within minutes.
 */
const REPEAT_MS = 15_000

/** Replicas whose clocks differ by less than this agree on what is a repeat. */
const SKEW_MS = 15_000

export interface RepeatOptions {
  nowMs: number
  /** How long a delegation with an Idempotency-Key refers to the same job even after that has finished. */
  namedWindowMs: number
}

/**
 * Whether a delegation with the same key that arrives now refers to this job: the job is unfinished or recent. With
 * proxy-complete the proxy runner confirms that it saw the end: without an Idempotency-Key, its next delegation is a
 * new job. A job that was delegated with its message never runs twice.
 */
export function isRepeat(job: RunnerJob, { nowMs, namedWindowMs }: RepeatOptions): boolean {
  if (job.metadata.deletionTimestamp !== undefined) return false
  // GitHub gives each job of a proxy runner a separate id, so a repeat means the same job.
  if (!isFinished(job) || job.spec.message !== undefined) return true
  if (isNamed(job)) return nowMs - Date.parse(delegatedAt(job)) < namedWindowMs
  return job.status.reported?.completedAt === undefined && nowMs - madeAtMs(job) < REPEAT_MS
}

/** Whether storing that the proxy runner saw the job's end makes a difference. */
export function endsRepeats(job: RunnerJob, nowMs: number): boolean {
  if (isNamed(job) || job.status.reported?.completedAt !== undefined) return false
  return nowMs - madeAtMs(job) < REPEAT_MS + SKEW_MS
}

/** Time of creation: a create may arrive long after its caller gave up. creationTimestamp has whole seconds. */
function madeAtMs(job: RunnerJob): number {
  return Math.max(Date.parse(delegatedAt(job)), Date.parse(job.metadata.creationTimestamp))
}

/** Whether it was delegated with an Idempotency-Key. */
function isNamed(job: RunnerJob): boolean {
  return job.metadata.annotations?.[DELEGATION_BODY_ANNOTATION] !== undefined
}
