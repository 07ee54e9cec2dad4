import type { JobPhase } from './runner-job.ts'

/** A phase as REST and realtime show it. */
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

/** The state that clients see for a phase. */
export function stateOfPhase(phase: JobPhase): JobState {
  return byPhase[phase]
}

/** The phase of a state. */
export function phaseOf(state: JobState): JobPhase {
  return byState[state]
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** The delegation id: the name if the facade chose it, else the UID. */
export function publicId({ metadata: { name, uid } }: { metadata: { name: string; uid: string } }): string {
  return UUID.test(name) ? name : uid
}
