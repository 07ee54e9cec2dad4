import type { Condition } from '../../api/object.ts'
import { NO_OPERATOR, type Reason } from '../../api/reasons.ts'
import type { JobPhase, JobResult, RunnerJob, RunnerJobStatus } from '../../api/runner-job.ts'
import type { Runner } from '../../api/runner.ts'
import { NODE_DRAINING, shorten, withCondition, withoutCondition } from '../conditions.ts'
import { writtenPosition } from '../pool/position.ts'
import type { PodFacts } from '../pod/state.ts'
import { isFinal, mayMove } from './phases.ts'
import { requestedAfter } from './requested.ts'

/** The next phase of a job, and why. */
export interface Move {
  phase: JobPhase
  reason: Reason
  message: string
  /** Position in the queue of its pool. */
  queuePosition?: number
  exitCode?: number
  /** The result that the runner reported. */
  result?: JobResult
  /** When it was assigned, started and finished, if neither Runner nor pod records it. */
  assignedAt?: string
  startedAt?: string
  finishedAt?: string
}

/** The Runner and pod of a job, as far as they are known. */
export interface Whereabouts {
  runner?: Runner | undefined
  pod?: PodFacts | undefined
}

/**
 * The whole status after a move. Times are clamped to assignedAt <= startedAt <= completedAt <= now, because kubelet
 * times are whole seconds and come from another machine, whose clock may be wrong by any amount.
 */
export function statusAfter(job: RunnerJob, move: Move, where: Whereabouts, now: Date): RunnerJobStatus {
  const { nextAttemptAt, queuePosition: known, ...current } = job.status
  if (!mayMove(current.phase, move.phase)) throw new Error(`a ${current.phase} job cannot become ${move.phase}`)
  const times = timesOf(job, move, where, now)
  const { completedAt } = times
  const requested =
    completedAt === undefined ? current.requested : requestedAfter(current.requested, where.pod, completedAt)
  return {
    ...current,
    ...(isFinal(move.phase) && lastPoolOf(current)),
    ...placeOf(current, where),
    ...times,
    ...(requested !== undefined && { requested }),
    ...(move.phase === 'Queued' && nextAttemptAt !== undefined && { nextAttemptAt }),
    phase: move.phase,
    reason: move.reason,
    message: shorten(move.message),
    ...(move.queuePosition !== undefined && { queuePosition: writtenPosition(known, move.queuePosition) }),
    ...(move.exitCode !== undefined && { exitCode: move.exitCode }),
    ...(move.result !== undefined && { result: move.result }),
    conditions: conditionsOf(job, move, now),
    observedGeneration: job.metadata.generation ?? 1,
  }
}

/** Why a job is in its phase, as an operator wrote it: not the CRD's default from before an operator saw the job. */
export function saidOf({ status }: RunnerJob): Pick<RunnerJobStatus, 'reason' | 'message'> {
  const { reason, message } = status
  if (reason === NO_OPERATOR) return {}
  return { ...(reason !== undefined && { reason }), ...(message !== undefined && { message }) }
}

/** The pool of the last attempt, for a job that ends before its next one has a pool. */
function lastPoolOf({ poolName, attempts }: RunnerJobStatus): Pick<RunnerJobStatus, 'poolName'> {
  const name = poolName ?? attempts?.at(-1)?.poolName
  return name === undefined ? {} : { poolName: name }
}

function placeOf(current: RunnerJobStatus, { runner, pod }: Whereabouts): Partial<RunnerJobStatus> {
  return {
    ...(runner !== undefined &&
      current.runnerRef === undefined && { runnerRef: { name: runner.metadata.name, uid: runner.metadata.uid } }),
    ...(runner?.spec.poolName !== undefined && { poolName: runner.spec.poolName }),
    ...(runner?.spec.turn !== undefined && { turn: runner.spec.turn }),
    ...(pod !== undefined && { podName: pod.name, podUID: pod.uid }),
    ...(pod?.containerId !== undefined && { containerId: pod.containerId }),
    ...(pod?.nodeName !== undefined && { nodeName: pod.nodeName }),
  }
}

/** When a job was delegated: the facade's time with milliseconds, else the creation time of the object. */
export function delegatedAt(job: RunnerJob): string {
  return job.spec.delegatedAt ?? job.metadata.creationTimestamp
}

/** When the job entered the queue: by its creation, or after its last attempt. */
export function queuedSince({ metadata, status }: RunnerJob): string {
  const last = status.attempts?.at(-1)
  return last?.requeuedAt ?? last?.endedAt ?? metadata.creationTimestamp
}

type StageTimes = Pick<RunnerJobStatus, 'assignedAt' | 'startedAt'>

/** When a job was assigned and started, if it was. */
export function stageTimes(
  job: RunnerJob,
  { runner, pod }: Whereabouts,
  now: Date,
  reported: Pick<Move, 'assignedAt' | 'startedAt'> = {},
): StageTimes {
  const { status } = job
  const assigned = runner?.metadata.creationTimestamp ?? reported.assignedAt
  const started = past(pod?.startedAt ?? reported.startedAt, now)
  // Each reconcile asks for these several times, and most jobs need no floor: it takes four dates to find it.
  const assignedAt = status.assignedAt ?? (assigned && latest(delegatedBy(job, now), assigned))
  const startedAt = status.startedAt ?? (started && latest(assignedAt ?? delegatedBy(job, now), started))
  return { ...(assignedAt !== undefined && { assignedAt }), ...(startedAt !== undefined && { startedAt }) }
}

function timesOf(job: RunnerJob, move: Move, where: Whereabouts, now: Date): Partial<RunnerJobStatus> {
  const stages = stageTimes(job, where, now, move)
  if (!isFinal(move.phase)) return stages
  const floor = stages.startedAt ?? stages.assignedAt ?? delegatedBy(job, now)
  return { ...stages, completedAt: latest(floor, past(move.finishedAt, now) ?? now.toISOString()) }
}

/** A node's time, or now if the node's clock is ahead. */
function past(time: string | undefined, now: Date): string | undefined {
  return time === undefined || Date.parse(time) <= now.getTime() ? time : now.toISOString()
}

/**
 * When the job was delegated, or its last attempt ended, clamped to now or to the second of its creation: a date far in the future would become
 * every later time of the job, so that its deadline and its lifetime never ended.
 */
function delegatedBy(job: RunnerJob, now: Date): string {
  const highestMs = Math.max(now.getTime(), Date.parse(job.metadata.creationTimestamp) + 1000)
  const endedAt = job.status.attempts?.at(-1)?.endedAt
  const lowestMs = endedAt === undefined ? 0 : Date.parse(endedAt)
  return new Date(Math.max(lowestMs, Math.min(Date.parse(delegatedAt(job)), highestMs))).toISOString()
}

/** A time, but not before its floor. */
function latest(floor: string, time: string): string {
  return new Date(Math.max(Date.parse(time), Date.parse(floor))).toISOString()
}

function conditionsOf(job: RunnerJob, move: Move, now: Date): Condition[] {
  const { reason, message, phase } = move
  const list = job.status.conditions
  const common = { reason, message: shorten(message), observedGeneration: job.metadata.generation ?? 1 }
  if (phase === 'Queued' || phase === 'Assigned') {
    return withCondition(list, { type: 'Waiting', status: 'True', ...common }, now)
  }
  const settled = withoutCondition(list, 'Waiting')
  if (phase === 'Running') return settled
  const type = phase === 'Completed' ? 'Complete' : 'Failed'
  return withCondition(withoutCondition(settled, NODE_DRAINING), { type, status: 'True', ...common }, now)
}
