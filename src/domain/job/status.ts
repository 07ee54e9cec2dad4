import type { Condition } from '../../api/object.ts'
import { NO_OPERATOR, type Reason } from '../../api/reasons.ts'
import type { JobPhase, RunnerJob, RunnerJobStatus } from '../../api/runner-job.ts'
import type { Runner } from '../../api/runner.ts'
import { shorten, withCondition, withoutCondition } from '../conditions.ts'
import type { PodFacts } from '../pod/state.ts'
import { isFinal, mayMove } from './phases.ts'

/** Where a job goes, and why. */
export interface Move {
  phase: JobPhase
  reason: Reason
  message: string
  exitCode?: number
  /** When it was assigned, started, finished, where neither Runner nor pod tells. */
  assignedAt?: string
  startedAt?: string
  finishedAt?: string
}

/** What is known of the place where a job runs. */
export interface Whereabouts {
  runner?: Runner | undefined
  pod?: PodFacts | undefined
}

/**
 * The whole status after a move. Times are clamped to assignedAt <= startedAt <= completedAt <= now, because the
 * kubelet's are whole seconds and another machine's, whose clock may be wrong by any amount.
 */
export function statusAfter(job: RunnerJob, move: Move, where: Whereabouts, now: Date): RunnerJobStatus {
  const was = job.status
  if (!mayMove(was.phase, move.phase)) throw new Error(`a ${was.phase} job cannot become ${move.phase}`)
  return {
    ...was,
    ...placeOf(was, where),
    ...timesOf(job, move, where, now),
    phase: move.phase,
    reason: move.reason,
    message: shorten(move.message),
    ...(move.exitCode !== undefined && { exitCode: move.exitCode }),
    conditions: conditionsOf(job, move, now),
    observedGeneration: job.metadata.generation ?? 1,
  }
}

/** Why a job is where it is, in an operator's words: not what the CRD says where there is none. */
export function saidOf({ status }: RunnerJob): Pick<RunnerJobStatus, 'reason' | 'message'> {
  const { reason, message } = status
  if (reason === NO_OPERATOR) return {}
  return { ...(reason !== undefined && { reason }), ...(message !== undefined && { message }) }
}

function placeOf(was: RunnerJobStatus, { runner, pod }: Whereabouts): Partial<RunnerJobStatus> {
  return {
    ...(runner !== undefined &&
      was.runnerRef === undefined && { runnerRef: { name: runner.metadata.name, uid: runner.metadata.uid } }),
    ...(pod !== undefined && { podName: pod.name, podUID: pod.uid }),
    ...(pod?.containerId !== undefined && { containerId: pod.containerId }),
    ...(pod?.nodeName !== undefined && { nodeName: pod.nodeName }),
  }
}

/** When a job was delegated: as the facade says in milliseconds, else when the object was created. */
export function delegatedAt(job: RunnerJob): string {
  return job.spec.delegatedAt ?? job.metadata.creationTimestamp
}

type StageTimes = Pick<RunnerJobStatus, 'assignedAt' | 'startedAt'>

/** When a job was assigned and started, as far as it was. */
export function stageTimes(
  job: RunnerJob,
  { runner, pod }: Whereabouts,
  now: Date,
  said: Pick<Move, 'assignedAt' | 'startedAt'> = {},
): StageTimes {
  const { status } = job
  const floor = delegatedBy(job, now)
  const assignedAt = status.assignedAt ?? latest(floor, runner?.metadata.creationTimestamp ?? said.assignedAt)
  const startedAt = status.startedAt ?? latest(assignedAt ?? floor, past(pod?.startedAt ?? said.startedAt, now))
  return { ...(assignedAt !== undefined && { assignedAt }), ...(startedAt !== undefined && { startedAt }) }
}

function timesOf(job: RunnerJob, move: Move, where: Whereabouts, now: Date): Partial<RunnerJobStatus> {
  const stages = stageTimes(job, where, now, move)
  if (!isFinal(move.phase)) return stages
  const floor = stages.startedAt ?? stages.assignedAt ?? delegatedBy(job, now)
  return { ...stages, completedAt: latest(floor, past(move.finishedAt, now) ?? now.toISOString()) }
}

/** A time that a node gave, but not one that is still to come. */
function past(time: string | undefined, now: Date): string | undefined {
  return time === undefined || Date.parse(time) <= now.getTime() ? time : now.toISOString()
}

/**
 * When the job was delegated, at the latest now or in the second of its creation: a date far ahead would become every
 * later time of the job, so that no deadline came and its lifetime never ended.
 */
function delegatedBy(job: RunnerJob, now: Date): string {
  const highestMs = Math.max(now.getTime(), Date.parse(job.metadata.creationTimestamp) + 1000)
  return new Date(Math.min(Date.parse(delegatedAt(job)), highestMs)).toISOString()
}

/** A time, but not before its floor; nothing where it is unknown. */
function latest(floor: string, time: string): string
function latest(floor: string, time: string | undefined): string | undefined
function latest(floor: string, time: string | undefined): string | undefined {
  if (time === undefined) return undefined
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
  return withCondition(settled, { type, status: 'True', ...common }, now)
}
