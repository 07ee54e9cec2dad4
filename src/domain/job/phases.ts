import type { JobPhase, RunnerJob } from '../../api/runner-job.ts'
import type { Runner } from '../../api/runner.ts'

/**
 * The state machine of a RunnerJob. A job only moves along this table; staying is always allowed.
 *
 *   Queued ──▶ Assigned ──▶ Running ──▶ Completed | Failed | Cancelled
 *
 * A job may skip states (a pod can start and end between two reconciles) but never goes back. The last three are final.
 */
const next: Readonly<Record<JobPhase, readonly JobPhase[]>> = {
  Queued: ['Assigned', 'Running', 'Completed', 'Failed', 'Cancelled'],
  Assigned: ['Running', 'Completed', 'Failed', 'Cancelled'],
  Running: ['Completed', 'Failed', 'Cancelled'],
  Completed: [],
  Failed: [],
  Cancelled: [],
}

/** Whether a job in phase `from` may be moved to `to`. */
export function mayMove(from: JobPhase, to: JobPhase): boolean {
  return from === to || next[from].includes(to)
}

/** Whether the phase is final. */
export function isFinal(phase: JobPhase): boolean {
  return next[phase].length === 0
}

/** Whether the job is in a final phase. */
export function isFinished(job: RunnerJob): boolean {
  return isFinal(job.status.phase)
}

/**
 * The phase to show. A job with a Runner is Assigned before its status says so: the operator skips that write when the
 * pod starts within a second.
 */
export function shownPhase(job: RunnerJob, runner: Runner | undefined): JobPhase {
  const isAssigned = job.status.phase === 'Queued' && runner?.spec.jobRef?.uid === job.metadata.uid
  return isAssigned ? 'Assigned' : job.status.phase
}
