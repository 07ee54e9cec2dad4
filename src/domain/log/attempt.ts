import type { RunnerJob } from '../../api/runner-job.ts'
import { attemptOf } from '../runner/keys.ts'

/**
 * The job as it was when one of its attempts ended, or as it is now for the current attempt, which is the default.
 * Undefined if there was no such attempt.
 */
export function jobAt(job: RunnerJob, attempt: number | undefined): RunnerJob | undefined {
  const current = attemptOf(job)
  if (attempt === undefined || attempt === current) return job
  const ended = job.status.attempts?.find(({ number }) => number === attempt)
  if (ended === undefined) return undefined
  const { podUID, podName, endedAt } = ended
  const attempts = job.status.attempts?.filter(({ number }) => number < attempt)
  const place = { ...(podUID !== undefined && { podUID }), ...(podName !== undefined && { podName }) }
  return { ...job, status: { phase: 'Failed', completedAt: endedAt, ...place, ...(attempts && { attempts }) } }
}

/** Whether the job, as `jobAt` returned it, is not at its current attempt. */
export function isPastAttempt(job: RunnerJob, now: RunnerJob | undefined): boolean {
  return now?.metadata.uid === job.metadata.uid && attemptOf(now) > attemptOf(job)
}
