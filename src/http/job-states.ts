import type { JobPhase } from '../api/runner-job.ts'

/** A phase as REST shows it. */
export type JobState = Lowercase<JobPhase>

const byPhase: Readonly<Record<JobPhase, JobState>> = {
  Queued: 'queued',
  Assigned: 'assigned',
  Running: 'running',
  Completed: 'completed',
  Failed: 'failed',
  Cancelled: 'cancelled',
}

const byState: Readonly<Record<JobState, JobPhase>> = {
  queued: 'Queued',
  assigned: 'Assigned',
  running: 'Running',
  completed: 'Completed',
  failed: 'Failed',
  cancelled: 'Cancelled',
}

/** All states, in the order of a job's life. */
export const jobStates: readonly JobState[] = Object.values(byPhase)

export function stateOfPhase(phase: JobPhase): JobState {
  return byPhase[phase]
}

export function phaseOf(state: JobState): JobPhase {
  return byState[state]
}
