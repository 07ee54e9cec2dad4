import { NO_OPERATOR } from '../../api/reasons.ts'
import type { RunnerJob, RunnerJobStatus } from '../../api/runner-job.ts'
import { shorten } from '../conditions.ts'
import type { PodState } from '../pod/state.ts'
import type { Waiting } from '../pod/waiting.ts'
import { hasVaryingMessage, isTrouble, waitingWithoutPod } from '../pod/start-trouble.ts'
import { steadyMessage } from '../steady-message.ts'
import { holdsPod as isPending, withLogCaptured } from '../log/capture.ts'
import { drainDeadlineOf, withDrain } from './draining.ts'
import { leftMsOf, lossOf, outcomeOf, timeout } from './endings.ts'
import { isFinal, isFinished } from './phases.ts'
import { afterAttempt } from './retry.ts'
import { runsOnProxy } from './report.ts'
import { type Move, stageTimes, statusAfter } from './status.ts'
import { afterRequest, isStopping, needsStop, stoppingMsOf, stopRequestOf } from './stopping.ts'
import { type JobView, placeOf } from './view.ts'

/**
 * An action for a job; a plan lists them in this order. `cancel-pod` gives a pod a deadline, which stops it with its
 * grace period and keeps its logs. `expire-pod` does the same where the main container has ended, which stops the
 * sidecars, and removes our finalizer in the same write.
 */
export type JobAct =
  | 'create-runner'
  | 'cancel-pod'
  | 'expire-pod'
  | 'stop-pod'
  | 'release-pod'
  | 'delete-runner'
  | 'delete-job'

/** What one reconcile of a job has to do: write the status first, then perform the acts. */
export interface JobPlan {
  /** The status to write; absent when the current one is right. */
  status?: RunnerJobStatus
  /** The status shows a waiting state: it is written only after that has lasted a moment. */
  isTransient?: boolean
  /** How long a transient status has to last before it is written, if longer than the default. */
  patienceMs?: number
  acts: JobAct[]
  /** The status holds only if the API server has no pod of the last attempt any more. */
  needsPreviousGone?: true
  /** The acts are right only if the API server has no Runner of the job any more. */
  needsRunnerGone?: true
  /** Reconcile again after this time, in milliseconds. */
  requeueAfterMs?: number
}

/** Half a minute is enough to create thousands of Runners. */
const TURN_MS = 30_000
/** How long a pod may go without any word from a scheduler: one with thousands of pods to place takes a while. */
const NO_SCHEDULER_MS = 30_000
/** For how long the end of a job is not written while its log is being stored: one write shows both. */
const LOG_PATIENCE_MS = 1000

/** For how long a proxy runner may take to read the end of a job that it handed over. */
const WAITED_FOR_MS = 60_000

/** Plans one reconcile of a job: pure, level-based, the same result for the same view. */
export function planJob(view: JobView): JobPlan {
  const { job } = view
  if (job.metadata.deletionTimestamp !== undefined) return { acts: holdsPod(view) ? ['release-pod'] : [] }
  return isFinished(job) ? planFinished(view) : planLive(view)
}

function holdsPod({ pod }: JobView): boolean {
  return pod.is !== 'absent' && pod.facts.hasOutcomeFinalizer
}

function planFinished(view: JobView): JobPlan {
  const { job, runner, now } = view
  const acts = lastPodActs(view)
  const archived = withLog(view, job.status)
  const news = archived === job.status ? {} : { status: archived }
  const ageMs = now.getTime() - Date.parse(job.status.completedAt ?? job.metadata.creationTimestamp)
  const ownTtlMs = job.spec.ttlSecondsAfterFinished * 1000
  const surplusMs = view.isSurplus === true ? waitedForMs(job) : ownTtlMs
  const jobLeftMs = Math.min(ownTtlMs, view.finishedJobTtlMs ?? ownTtlMs, surplusMs) - ageMs
  const isDue = jobLeftMs <= 0
  // The log belongs to the job, so the job waits for it.
  if (isDue && isPending(view.log)) return { acts, requeueAfterMs: LOG_PATIENCE_MS }
  if (isDue) return { ...news, acts: [...acts, 'delete-job'] }
  const present = runner !== undefined && runner.metadata.deletionTimestamp === undefined
  const runnerLeftMs = view.finishedPodTtlMs - ageMs
  if (present && runnerLeftMs <= 0) acts.push('delete-runner')
  return { ...news, acts, requeueAfterMs: present && runnerLeftMs > 0 ? Math.min(runnerLeftMs, jobLeftMs) : jobLeftMs }
}

/** For how long a finished job is kept although its pool keeps newer ones. */
function waitedForMs({ spec }: RunnerJob): number {
  return spec.message === undefined ? 0 : WAITED_FOR_MS
}

/** The pod of a finished job is stopped at once, and stays until its log is stored. */
export function lastPodActs({ pod, log }: Pick<JobView, 'pod' | 'log'>): JobAct[] {
  if (pod.is === 'absent') return []
  const { containersTerminated: ended, isDeleting: deleting, expiring = false, hasOutcomeFinalizer: isHeld } = pod.facts
  const release: JobAct[] = isHeld && !isPending(log) ? ['release-pod'] : []
  if (ended || deleting || expiring) return release
  if (pod.is === 'exited') return [isPending(log) ? 'cancel-pod' : 'expire-pod']
  return ['stop-pod', ...release]
}

/** One decision about an unfinished job; undefined if it does not apply. */
type Policy = (view: JobView) => JobPlan | undefined

/** The decisions about an unfinished job, in order: the first that returns a plan wins. */
const livePolicies: readonly Policy[] = [
  // A job that has to stop keeps its slot until its pod has ended: the pod has its grace period.
  stopping,
  // An outcome counts, even if the job was cancelled or timed out meanwhile.
  outcome,
  // A job whose Runner or pod is gone fails, so that no later policy gives it a second one.
  loss,
  // A request to stop counts until the job has ended, also for a job that is past its deadline.
  cancellation,
  // A stage that took too long ends the job, whatever it waits for.
  deadline,
  // A job that a proxy runner runs makes no progress here.
  onProxy,
  // A job without its message would wait for its pod until a limit ends it.
  messageLoss,
  // Every other job takes the next step, or waits.
  nextStep,
]

function planLive(view: JobView): JobPlan {
  for (const policy of livePolicies) {
    const plan = policy(view)
    if (plan !== undefined) return untilProxyIsLost(view, withLogOf(view, plan))
  }
  return { acts: [] }
}

/** The end of a job waits a moment for its log, so that one write shows both. */
function withLogOf(view: JobView, plan: JobPlan): JobPlan {
  const { log } = view
  if (plan.status === undefined || !isFinal(plan.status.phase)) return plan
  if (log?.is === 'pending' && !log.isLate) return { ...plan, isTransient: true, patienceMs: LOG_PATIENCE_MS }
  return { ...plan, status: withLog(view, plan.status) }
}

function withLog({ job, log, now }: JobView, status: RunnerJobStatus): RunnerJobStatus {
  const conditions = withLogCaptured(status.conditions, log, { generation: job.metadata.generation ?? 1, now })
  return conditions === undefined || conditions === status.conditions ? status : { ...status, conditions }
}

/** A job whose proxy runner is silent is looked at again when that counts as lost. */
function untilProxyIsLost({ proxyLostAt, now }: JobView, plan: JobPlan): JobPlan {
  const leftMs = (proxyLostAt?.getTime() ?? 0) - now.getTime()
  return leftMs > 0 ? soonest(plan, leftMs) : plan
}

function stopping(view: JobView): JobPlan | undefined {
  const { pod } = view
  const request = stopRequestOf(view)
  if (request === undefined || isOnProxy(view) || pod.is === 'absent' || !isStopping(view)) return undefined
  const message = `${request.message}: pod ${pod.facts.name} has its grace period to end`
  const { status } = move(view, { phase: 'Running', reason: request.reason, message })
  return soonest({ status, acts: needsStop(pod) ? ['cancel-pod'] : [] }, stoppingMsOf(view))
}

function outcome(view: JobView): JobPlan | undefined {
  return isOnProxy(view) ? undefined : afterEnd(view, afterRequest(view, outcomeOf(view)))
}

function loss(view: JobView): JobPlan | undefined {
  if (isOnProxy(view)) return undefined
  if (isLeftPending(view)) return { acts: ['stop-pod'], needsRunnerGone: true }
  return afterEnd(view, afterRequest(view, lossOf(view)))
}

/** Whether only the Runner is gone, and its pod has not started: the end of the pod shows whether it ever will have. */
function isLeftPending(view: JobView): boolean {
  const { runner, pod } = view
  const hasRunner = runner !== undefined && runner.metadata.deletionTimestamp === undefined
  return !hasRunner && pod.is === 'waiting' && stopRequestOf(view) === undefined
}

/** The attempt has ended: the job is over, or is tried again. */
function afterEnd(view: JobView, end: Move | undefined): JobPlan | undefined {
  if (end === undefined) return undefined
  const after = afterAttempt(view, end)
  return after.is === 'over' ? move(view, after.end) : { status: after.status, acts: [] }
}

function cancellation(view: JobView): JobPlan | undefined {
  return moved(view, stopRequestOf(view))
}

function deadline(view: JobView): JobPlan | undefined {
  return leftMsOf(view) <= 0 ? move(view, timeout(view)) : undefined
}

function onProxy(view: JobView): JobPlan | undefined {
  return isOnProxy(view) ? soonest(leaveToProxy(view), leftMsOf(view)) : undefined
}

/** A pod that runs has copied the message. */
function messageLoss(view: JobView): JobPlan | undefined {
  const { messageLost = false, pod } = view
  if (!messageLost || (pod.is !== 'absent' && pod.is !== 'waiting')) return undefined
  const message = 'the Secrets with its message were deleted, so it cannot start'
  return move(view, { phase: 'Failed', reason: 'VolumeUnavailable', message })
}

function nextStep(view: JobView): JobPlan {
  return soonest(progress(view), leftMsOf(view))
}

function isOnProxy({ job, runner, pod }: JobView): boolean {
  return runsOnProxy(job, runner, pod)
}

function moved(view: JobView, to: Move | undefined): JobPlan | undefined {
  return to === undefined ? undefined : move(view, to)
}

/** A job that a proxy runner runs gets no pod, and its Runner deletes a pod that did not start. */
function leaveToProxy({ pod }: JobView): JobPlan {
  return { acts: pod.is !== 'absent' && pod.facts.hasOutcomeFinalizer && pod.facts.isDeleting ? ['release-pod'] : [] }
}

function progress(view: JobView): JobPlan {
  const { job, runner, pod, admission } = view
  if (job.status.nextAttemptAt !== undefined) return beforeNextAttempt(view, job.status.nextAttemptAt)
  if (pod.is === 'ending') return { acts: [], requeueAfterMs: Math.max(pod.giveUpAt.getTime() - view.now.getTime(), 1) }
  if (pod.is === 'running') return running(view, pod.facts.name)
  if (job.status.phase === 'Running') return { acts: [] }
  if (pod.is === 'waiting')
    return pod.reason === 'RunnerStarting' ? beforeStart(view, pod) : waiting(view, explained(view, pod))
  if (runner !== undefined) return waiting(view, waitingWithoutPod(runner))
  if (admission.is === 'admitted') return { acts: ['create-runner'] }
  if (admission.is === 'next')
    return job.status.reason === NO_OPERATOR ? showPickedUp(view, admission.message) : { acts: [] }
  return { ...move(view, { ...admission, phase: 'Queued' }), isTransient: true }
}

/** The job runs. Where its node is being drained, its status says so, and it is looked at again at the deadline. */
function running(view: JobView, podName: string): JobPlan {
  const plan = move(view, { phase: 'Running', reason: 'Running', message: `runs in pod ${podName}` })
  const shown = { ...plan, status: withDrain(view, plan.status) }
  const drain = drainDeadlineOf(view)
  return drain === undefined ? shown : soonest(shown, drain.leftMs)
}

/** The next attempt begins when its pause is over and the pod of the last one is gone: never may two of them run. */
function beforeNextAttempt(view: JobView, nextAttemptAt: string): JobPlan {
  const { job, previous, now } = view
  const leftMs = Date.parse(nextAttemptAt) - now.getTime()
  if (leftMs > 0) return { acts: [], requeueAfterMs: leftMs }
  if (previous !== undefined && previous.is !== 'absent') {
    const message = `the next attempt waits until pod ${previous.facts.name} of the last one is gone`
    return { ...move(view, { phase: 'Queued', reason: 'Retrying', message }), isTransient: true }
  }
  const { nextAttemptAt: _, attempts = [], ...status } = job.status
  const requeuedAt = now.toISOString()
  const last = attempts.slice(-1).map((attempt) => ({ ...attempt, requeuedAt }))
  return { status: { ...status, attempts: [...attempts.slice(0, -1), ...last] }, acts: [], needsPreviousGone: true }
}

/** The job has a slot and waits only for its turn, which nearly always comes before this is written. */
function showPickedUp(view: JobView, message: string): JobPlan {
  return {
    ...move(view, { phase: 'Queued', reason: 'RunnerStarting', message }),
    isTransient: true,
    patienceMs: TURN_MS,
  }
}

/** The pod's status gives no reason yet. Events may give one, and an existing scheduler would have set one by now. */
function beforeStart(view: JobView, pod: PodState & { is: 'waiting' }): JobPlan {
  if (pod.facts.nodeName !== undefined || view.warning !== undefined) return waiting(view, view.warning ?? pod)
  const { assignedAt } = stageTimes(view.job, placeOf(view), view.now)
  const leftMs = Date.parse(assignedAt ?? view.now.toISOString()) + NO_SCHEDULER_MS - view.now.getTime()
  if (leftMs > 0) return soonest(waiting(view, pod), leftMs)
  const { name } = pod.facts
  const message = `no scheduler has looked at pod ${name}; its schedulerName may be wrong, or a claim of it missing`
  return waiting(view, { reason: 'Unschedulable', message, fatal: false })
}

/** Events about what the status shows say more, and so do those about what the scheduler waits for. */
function explained({ warning }: JobView, pod: Waiting): Waiting {
  return warning?.reason === pod.reason || (warning !== undefined && pod.reason === 'Unschedulable') ? warning : pod
}

function waiting(view: JobView, { reason, message: latest, fatal }: Waiting): JobPlan {
  const { status } = view.job
  const known = status.conditions?.find((condition) => condition.type === 'Waiting' && condition.reason === reason)
  const message = hasVaryingMessage(reason) ? steadyMessage(known?.message, shorten(latest)) : latest
  const stay = move(view, { phase: 'Assigned', reason, message })
  if (!isTrouble(reason, message)) return { ...stay, isTransient: true }
  const sinceMs = known === undefined ? view.now.getTime() : Date.parse(known.lastTransitionTime)
  const leftMs = fatal ? 0 : sinceMs + view.startTroubleMs - view.now.getTime()
  return leftMs <= 0 ? move(view, { phase: 'Failed', reason, message }) : soonest(stay, leftMs)
}

function move(view: JobView, to: Move): JobPlan & { status: RunnerJobStatus } {
  return { status: statusAfter(view.job, to, placeOf(view), view.now), acts: [] }
}

function soonest(plan: JobPlan, leftMs: number): JobPlan {
  return { ...plan, requeueAfterMs: Math.min(plan.requeueAfterMs ?? Number.POSITIVE_INFINITY, Math.max(leftMs, 1)) }
}
