import type { JobPhase, RunnerJob } from '../../api/runner-job.ts'
import { type Caches, runnerOf } from '../../cluster/caches.ts'
import { shownPhase } from '../../domain/job/phases.ts'
import { delegatedAt } from '../../domain/job/status.ts'

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

function stateOfPhase(phase: JobPhase): JobState {
  return byPhase[phase]
}

export function phaseOf(state: JobState): JobPhase {
  return byState[state]
}

/** The state to show of a job. */
export function stateOf(caches: Caches, job: RunnerJob): JobState {
  return stateOfPhase(shownPhase(job, runnerOf(caches, job)))
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** The delegation id: the name, or for an object that was named by hand its UID. */
export function publicId({ metadata: { name, uid } }: { metadata: { name: string; uid: string } }): string {
  return UUID.test(name) ? name : uid
}

/** A GitHub job id as a number, where it is digits that a JSON number holds exactly. */
function githubJobId(jobId: string): number | null {
  const number = Number(jobId)
  return /^\d{1,16}$/.test(jobId) && Number.isSafeInteger(number) ? number : null
}

/** A time as REST shows it; null where there is none. */
export function iso(time: string | undefined): string | null {
  return time === undefined ? null : new Date(time).toISOString()
}

/** Where a job runs: what its Runner and pod say, else what was reported. */
function placeOf(caches: Caches, job: RunnerJob): { runnerId: string | null; containerId: string | null } {
  const { runnerRef, containerId, reported } = job.status
  const runnerId = runnerRef?.uid ?? runnerOf(caches, job)?.metadata.uid ?? reported?.runnerId
  return { runnerId: runnerId ?? null, containerId: containerId ?? reported?.containerId ?? null }
}

/** A job in full. Every documented key is present; what is not known yet is null. */
export function jobDetail(caches: Caches, job: RunnerJob): Record<string, unknown> {
  const { spec, status } = job
  return {
    id: publicId(job),
    githubJobId: githubJobId(spec.jobId),
    jobId: spec.jobId,
    runId: spec.runId,
    repository: spec.repository,
    workflow: spec.workflow ?? null,
    runnerName: spec.runnerName ?? null,
    status: stateOf(caches, job),
    ...placeOf(caches, job),
    labels: spec.labels ?? [],
    startedAt: iso(status.startedAt),
    completedAt: iso(status.completedAt),
    metadata: {
      delegatedAt: iso(delegatedAt(job)),
      proxyRunner: spec.runnerName ?? null,
      reason: status.reason ?? null,
      message: status.message ?? null,
      exitCode: status.exitCode ?? null,
    },
  }
}

/** A job as lists show it. */
export function jobSummary(caches: Caches, job: RunnerJob): Record<string, unknown> {
  const { spec, status } = job
  return {
    id: publicId(job),
    githubJobId: githubJobId(spec.jobId),
    repository: spec.repository,
    workflow: spec.workflow ?? null,
    status: stateOf(caches, job),
    startedAt: iso(status.startedAt),
  }
}
