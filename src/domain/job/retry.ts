import { type RetryCause, retryCauses } from '../../api/retry.ts'
import type { EndedAttempt, RunnerJobStatus } from '../../api/runner-job.ts'
import { shorten, withCondition } from '../conditions.ts'
import { attemptOf } from '../runner/keys.ts'
import { backoffMs, type RetryView } from './retry-rules.ts'
import { type Move, statusAfter } from './status.ts'
import { stopRequestOf } from './stopping.ts'
import { type JobView, placeOf } from './view.ts'

/** Why an attempt ended, as far as another one may follow. */
export type Cause = 'NeverStarted' | RetryCause

/** Ends that the job did not cause. */
const losses: ReadonlySet<Move['reason']> = new Set([
  'Evicted',
  'NodeLost',
  'PodDeleted',
  'Preempted',
  'Unschedulable',
] as const)

/** The cause of an end; undefined if no other attempt can help, or nobody wants one. */
export function causeOf(view: Pick<JobView, 'job' | 'runner' | 'pod'>, { phase, reason }: Move): Cause | undefined {
  if (phase !== 'Failed') return undefined
  if (hasNeverStarted(view) && losses.has(reason)) return 'NeverStarted'
  // The drain ended it, only later than an eviction.
  if (reason === 'Drained') return 'Evicted'
  return retryCauses.find((cause) => cause === reason)
}

/** Whether nothing of the job has ever run: neither the pod nor what was written before may contradict. */
function hasNeverStarted({ job, runner, pod }: Pick<JobView, 'job' | 'runner' | 'pod'>): boolean {
  const wasSeen =
    job.status.startedAt !== undefined || job.status.phase === 'Running' || runner?.status.phase === 'Busy'
  return !wasSeen && pod.is !== 'absent' && pod.facts.neverRan === true
}

/** What becomes of a job whose attempt ended: another attempt, or this end. */
export type AfterAttempt = { is: 'over'; end: Move } | { is: 'again'; status: RunnerJobStatus }

/**
 * Another attempt follows if the rules of the pool allow it, there is room in its budget, and the job can run again. A
 * proxy runner that has reported on the job may have run it, and so may have a runner that got its message.
 */
export function afterAttempt(view: JobView, end: Move): AfterAttempt {
  const { job, retry } = view
  const cause = causeOf(view, end)
  if (retry === undefined || cause === undefined || !mayRunAgain(view, cause)) return { is: 'over', end }
  const { rules } = retry
  if (cause !== 'NeverStarted' && !rules.on.has(cause)) return { is: 'over', end }
  const attempt = attemptOf(job)
  if (attempt >= rules.maxAttempts) {
    const message =
      rules.maxAttempts === 1 ? end.message : `${end.message} (attempt ${attempt} of ${rules.maxAttempts})`
    return { is: 'over', end: { ...end, message } }
  }
  const limit = spentLimit(retry)
  if (limit === undefined) return { is: 'again', status: tryAgain(view, end, retry) }
  return { is: 'over', end: { ...end, reason: 'RetryBudgetSpent', message: `${end.reason}: ${end.message}; ${limit}` } }
}

function mayRunAgain(view: JobView, cause: Cause): boolean {
  const { job, pod, retry } = view
  const request = stopRequestOf(view)
  if (request !== undefined && request.reason !== 'Drained') return false
  if (job.status.reported !== undefined) return false
  // Only a pod that was seen can be proved gone.
  if (pod.is === 'absent' && job.status.podUID === undefined) return false
  return job.spec.message === undefined || (cause === 'NeverStarted' && retry?.hasMessage === true)
}

/** The limit that further attempts have reached, as a message. */
function spentLimit({ rules, spent }: RetryView): string | undefined {
  const { ofRepository, ofPool } = spent()
  const { poolName, perRepository, perPool, windowSeconds } = rules
  const within = `within ${windowSeconds} s, as many as its budget allows`
  if (ofPool >= perPool) return `RunnerPool ${poolName} had ${ofPool} further attempts ${within}`
  if (ofRepository < perRepository) return undefined
  return `RunnerPool ${poolName} had ${ofRepository} further attempts for this repository ${within}`
}

/** Records the attempt, and puts the job back into the queue: only what concerns the attempt is forgotten. */
function tryAgain({ job, now, ...view }: JobView, end: Move, { rules, random }: RetryView): RunnerJobStatus {
  const ended = statusAfter(job, end, placeOf(view), now)
  const number = attemptOf(job)
  const nextAttemptAt = new Date(now.getTime() + backoffMs(rules, number + 1, random)).toISOString()
  const message = shorten(`${end.reason}: ${end.message}; attempt ${number + 1} of ${rules.maxAttempts} follows`)
  const observedGeneration = job.metadata.generation ?? 1
  const { turn } = ended
  const waiting = { type: 'Waiting', status: 'True', reason: 'Retrying', message, observedGeneration } as const
  return {
    phase: 'Queued',
    reason: 'Retrying',
    message,
    attempts: [...(job.status.attempts ?? []), recordOf(ended, number, rules.poolName, now)],
    nextAttemptAt,
    // Its repository has had it: without it, lost attempts would be free.
    ...(turn !== undefined && { turn }),
    ...(ended.requested !== undefined && { requested: ended.requested }),
    conditions: withCondition([], waiting, now),
    observedGeneration,
  }
}

function recordOf(ended: RunnerJobStatus, number: number, poolName: string, now: Date): EndedAttempt {
  const { runnerRef, podName, podUID, nodeName, exitCode, assignedAt, startedAt, completedAt, reason, message } = ended
  return {
    number,
    poolName,
    ...(runnerRef !== undefined && { runnerName: runnerRef.name }),
    ...(podName !== undefined && { podName }),
    ...(podUID !== undefined && { podUID }),
    ...(nodeName !== undefined && { nodeName }),
    reason: reason ?? 'Unknown',
    message: message ?? '',
    ...(exitCode !== undefined && { exitCode }),
    ...(assignedAt !== undefined && { assignedAt }),
    ...(startedAt !== undefined && { startedAt }),
    endedAt: completedAt ?? now.toISOString(),
  }
}
