import { type JobState, publicId, stateOfPhase } from '../../api/job-state.ts'
import type { EndedAttempt, RunnerJob } from '../../api/runner-job.ts'
import type { Caches } from '../../cluster/caches.ts'
import { assignedAtOf, poolOf, runnerOf } from '../../cluster/job-places.ts'
import { shownPhase } from '../../domain/job/phases.ts'
import { delegatedAt, saidOf } from '../../domain/job/status.ts'
import { attemptOf } from '../../domain/runner/keys.ts'

/** The state of a job as REST shows it. */
export function stateOf(caches: Caches, job: RunnerJob): JobState {
  return stateOfPhase(shownPhase(job, runnerOf(caches, job)))
}

/** A GitHub job id as a number, if JSON represents it exactly; else null. */
function githubJobId(jobId: string): number | null {
  const number = Number(jobId)
  return /^\d{1,16}$/.test(jobId) && Number.isSafeInteger(number) ? number : null
}

/** A time as REST shows it; null if absent. */
export function iso(time: string | undefined): string | null {
  return time === undefined ? null : new Date(time).toISOString()
}

/** Where a job runs, from its Runner and pod, else from reports. */
function placeOf(caches: Caches, job: RunnerJob): { runnerId: string | null; containerId: string | null } {
  const { runnerRef, containerId, reported } = job.status
  const runnerId = runnerRef?.uid ?? runnerOf(caches, job)?.metadata.uid ?? reported?.runnerId
  return { runnerId: runnerId ?? null, containerId: containerId ?? reported?.containerId ?? null }
}

/** The delegation of a job, and what came of it. */
function metadataOf(caches: Caches, job: RunnerJob, now: Date): Record<string, unknown> {
  const { spec, status } = job
  const { reason, message } = saidOf(job)
  const place = caches.queuePositions.of(job)
  return {
    delegatedAt: iso(delegatedAt(job)),
    assignedAt: iso(assignedAtOf(caches, job)),
    pool: poolOf(caches, job) ?? null,
    ...triggerOf(job),
    proxyRunner: spec.runnerName ?? null,
    reason: reason ?? null,
    message: message ?? null,
    exitCode: status.exitCode ?? null,
    result: status.result ?? null,
    attempt: attemptOf(job),
    attempts: (status.attempts ?? []).map(attemptView),
    queuePosition: place?.position ?? null,
    ...requestedOf(job),
    estimatedWaitSeconds: (place && caches.queuePositions.waitSecondsAt(place, now)) ?? null,
  }
}

/** What was reserved for the job. */
function requestedOf({ status }: RunnerJob): Record<string, unknown> {
  return {
    requestedCpuMillicoreSeconds: status.requested?.cpuMillicoreSeconds ?? null,
    requestedMemoryMebibyteSeconds: status.requested?.memoryMebibyteSeconds ?? null,
  }
}

/** What started the run at GitHub, as the caller reported it. */
function triggerOf({ spec }: RunnerJob): Record<string, unknown> {
  return {
    runAttempt: spec.runAttempt ?? null,
    sha: spec.sha ?? null,
    ref: spec.ref ?? null,
    eventName: spec.eventName ?? null,
    actor: spec.actor ?? null,
    serverUrl: spec.message?.serverUrl ?? null,
  }
}

/** A job in full. Every documented key is present; unknown values are null. */
export function jobDetail(caches: Caches, job: RunnerJob, now: Date): Record<string, unknown> {
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
    metadata: metadataOf(caches, job, now),
  }
}

/** An attempt that ended before the current one. */
function attemptView(ended: EndedAttempt): Record<string, unknown> {
  const { number, runnerName, podUID, nodeName, reason, message, exitCode, startedAt, endedAt } = ended
  return {
    attempt: number,
    runner: runnerName ?? null,
    podUid: podUID ?? null,
    node: nodeName ?? null,
    reason,
    message,
    exitCode: exitCode ?? null,
    startedAt: iso(startedAt),
    endedAt: iso(endedAt),
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
