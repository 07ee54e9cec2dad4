import { MODE_LABEL, OUTCOME_FINALIZER } from '../../api/names.ts'
import type { ContainerStatus, Pod } from '../../api/pod.ts'
import type { FailureReason, WaitingReason } from '../../api/reasons.ts'
import type { JobResult } from '../../api/runner-job.ts'
import { type WorkerExit, workerExit } from '../hand-over/worker-exit.ts'
import { type Disruption, disruptionOf, isByKubelet, isDisruption, isRejection } from './disruption.ts'
import { jobContainer, startOf } from './job-container.ts'
import { failedInit } from './log-container.ts'
import { type Requests, requestsOf } from './requests.ts'
import { waitingOf } from './waiting.ts'

/** Facts of a pod that every state has. */
export interface PodFacts {
  name: string
  uid: string
  nodeName?: string
  /** When it got its node. */
  boundAt?: string
  /** What the scheduler reserves for it there. */
  requests?: Requests
  containerId?: string
  startedAt?: string
  /** The API server has been asked to delete it. */
  isDeleting: boolean
  /** It still has our finalizer. */
  hasOutcomeFinalizer: boolean
  /** Its containers have ended; a sidecar among its init containers ends with them. */
  containersTerminated: boolean
  /** It has the deadline that stops its remaining containers. */
  expiring?: true
  /** No container runs or will run again. The kubelet reports this a second or more after they have ended. */
  isTerminal: boolean
  /** The job's container certainly never started, and never will. */
  neverRan?: true
}

export interface Exit {
  code: number
  reason: 'Succeeded' | FailureReason
  message: string
  /** The runner's own word: it holds whatever else ended the pod meanwhile. */
  result?: JobResult
  finishedAt?: string
}

/** What a pod means for its job. */
export type PodState =
  | { is: 'absent' }
  | { is: 'waiting'; facts: PodFacts; reason: WaitingReason; message: string; fatal: boolean }
  | { is: 'running'; facts: PodFacts }
  /** It was deleted, but its container has not ended yet. It counts as lost after `giveUpAt`. */
  | { is: 'ending'; facts: PodFacts; giveUpAt: Date; reason: FailureReason }
  | { is: 'exited'; facts: PodFacts; exit: Exit }
  | { is: 'lost'; facts: PodFacts; reason: FailureReason; message: string }

/**
 * The deadline, counted from the pod's start, at which the kubelet stops the remaining containers of a pod whose job has
 * ended and keeps the pod with its logs. It is the minimum that the API server accepts, so no template's deadline is
 * earlier.
 */
export const ENDING_DEADLINE_SECONDS = 1

/** How long after its grace period a deleted pod's container may take to be reported ended. */
const DELETION_SLACK_MS = 30_000

/** Within how long after the end of its containers a kubelet usually deletes a pod for good, and at the latest. */
const FINAL_DELETE_MS = { usual: 1000, latest: 30_000 }

/** Exit codes of a process that a kubelet ended, by SIGKILL and SIGTERM. */
const stopCodes: ReadonlySet<number> = new Set([137, 143])

/** Reason of an invented exit code: the kubelet no longer found the container, or never started it. */
const NOT_FOUND = 'ContainerStatusUnknown'

/**
 * Computes the state of a pod. Pure: it returns deadlines as times, so it needs no clock. `endedByItself`: an earlier
 * version of the pod showed the end of the job's container, before anybody deleted or evicted the pod.
 */
export function podState(pod: Pod | undefined, endedByItself = false): PodState {
  if (pod === undefined) return { is: 'absent' }
  const container = jobContainer(pod)
  const facts = factsOf(pod, container)
  const disruption = disruptionOf(pod)
  const terminated = container?.state?.terminated
  if (terminated?.reason === NOT_FOUND) return vanished(facts, disruption)
  if (terminated !== undefined)
    return ended(endedByItself ? asItEnded(pod) : pod, facts, exitOf(terminated, isWorker(pod)))
  if (pod.metadata.deletionTimestamp !== undefined) return ending(pod, facts, disruption)
  if (facts.isTerminal) return neverRan(pod, facts, disruption)
  if (container?.state?.running !== undefined) return { is: 'running', facts }
  return { is: 'waiting', facts, ...waitingOf(pod) }
}

/** Whether the job's container has ended, and nothing outside it can be why. A kubelet that ends a pod says so later. */
export function hasEndedByItself(pod: Pod): boolean {
  const terminated = jobContainer(pod)?.state?.terminated
  if (terminated === undefined || terminated.reason === NOT_FOUND) return false
  return pod.metadata.deletionTimestamp === undefined && !(pod.status?.conditions ?? []).some(isDisruption)
}

/** The pod without what came after the end of its container: a deletion, an eviction. */
function asItEnded(pod: Pod): Pod {
  const { deletionTimestamp: _, ...metadata } = pod.metadata
  const conditions = (pod.status?.conditions ?? []).filter((each) => !isDisruption(each) || isByKubelet(each))
  return { ...pod, metadata, status: { ...pod.status, conditions } }
}

function factsOf(pod: Pod, container: ContainerStatus | undefined): PodFacts {
  const isTerminal = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'
  const containers = pod.status?.containerStatuses ?? []
  return {
    name: pod.metadata.name,
    uid: pod.metadata.uid,
    ...(pod.spec.nodeName !== undefined && { nodeName: pod.spec.nodeName }),
    ...reservationOf(pod),
    ...containerFacts(container),
    isDeleting: pod.metadata.deletionTimestamp !== undefined,
    hasOutcomeFinalizer: pod.metadata.finalizers?.includes(OUTCOME_FINALIZER) ?? false,
    ...(pod.spec.activeDeadlineSeconds === ENDING_DEADLINE_SECONDS && { expiring: true }),
    containersTerminated:
      isTerminal || (containers.length > 0 && containers.every(({ state }) => state?.terminated !== undefined)),
    isTerminal,
    ...(hasNeverRun(pod, container, isTerminal) && { neverRan: true }),
  }
}

/** The binding sets the condition. */
function reservationOf({ spec, status }: Pod): Pick<PodFacts, 'boundAt' | 'requests'> {
  const scheduled = status?.conditions?.find(({ type, status: holds }) => type === 'PodScheduled' && holds === 'True')
  const boundAt = scheduled?.lastTransitionTime
  return boundAt === undefined ? {} : { boundAt, requests: requestsOf(spec) }
}

/**
 * Whether the job's container never started: only a kubelet that has ended the pod knows, or nobody had the pod. A node
 * that went away may have started it unseen.
 */
function hasNeverRun(
  { spec, metadata, status }: Pod,
  container: ContainerStatus | undefined,
  isTerminal: boolean,
): boolean {
  if (spec.nodeName === undefined) return isTerminal || metadata.deletionTimestamp !== undefined
  if (!isTerminal) return false
  // A kubelet that rejects a pod reports no container; nor did kubelets of old for a pod that they evicted.
  if (container === undefined) return isRejection(status?.reason)
  const isCollected = status?.conditions?.some(
    ({ type, reason }) => type === 'DisruptionTarget' && reason === COLLECTED,
  )
  return !hasStarted(container) && isCollected !== true && status?.reason !== 'NodeLost'
}

/** The control plane ended the pod in place of its kubelet. */
const COLLECTED = 'DeletionByPodGC'

/** Whether a container has started, also if its status was lost afterwards. */
function hasStarted(container: ContainerStatus): boolean {
  const { restartCount = 0, lastState } = container
  return startOf(container) !== undefined || restartCount > 0 || lastState?.terminated !== undefined
}

function containerFacts(container: ContainerStatus | undefined): Pick<PodFacts, 'containerId' | 'startedAt'> {
  const startedAt = container === undefined ? undefined : startOf(container)
  const containerId = container?.containerID ?? container?.state?.terminated?.containerID ?? ''
  return { ...(containerId !== '' && { containerId }), ...(startedAt !== undefined && { startedAt }) }
}

// containerd's reason and exit code for a container whose process it no longer found after a crash of the node.
const UNKNOWN = 'Unknown'
const UNKNOWN_CODE = 255

type Terminated = NonNullable<NonNullable<ContainerStatus['state']>['terminated']>

// The runtime could not start the command; the kubelet reports these with exit code 128.
const startErrors = new Set(['StartError', 'ContainerCannotRun'])

function exitOf(terminated: Terminated, ofWorker = false): Exit {
  const { exitCode: code, reason, finishedAt } = terminated
  const at = typeof finishedAt === 'string' ? { finishedAt } : {}
  const exit = ofWorker ? workerExit(code, terminated.message) : plainExit(code)
  // If the runner reported a result, the OOM killer hit another process than the Worker.
  if (exit.result !== undefined) return { code, ...exit, ...at }
  // With exit code 0 the OOM killer hit another process than the main one.
  if (reason === 'OOMKilled' && code !== 0) return { code, reason, message: `out of memory (exit code ${code})`, ...at }
  if (reason === UNKNOWN && code === UNKNOWN_CODE) {
    return { code, reason: 'NodeLost', message: 'the node lost the container, as after a crash (exit code 255)', ...at }
  }
  if (startErrors.has(reason ?? '')) {
    return { code, reason: 'InvalidPod', message: `the container could not start: ${terminated.message ?? ''}`, ...at }
  }
  return { code, ...exit, ...at }
}

function plainExit(code: number): WorkerExit {
  return { reason: code === 0 ? 'Succeeded' : 'ExitCode', message: `exit code ${code}` }
}

/** Whether the job's container feeds a runner's Worker, whose exit codes have meanings of their own. */
function isWorker({ metadata }: Pod): boolean {
  return metadata.labels?.[MODE_LABEL] === 'Worker'
}

function ended(pod: Pod, facts: PodFacts, exit: Exit): PodState {
  const disruption = disruptionOf(pod, exit.finishedAt)
  // A runner that reported how the job ended was not cut short; after a request to stop it reports Canceled.
  if (exit.result !== undefined && exit.result !== 'Canceled') return { is: 'exited', facts, exit }
  // A job that exits with code 0 on SIGTERM has not succeeded.
  const cut = cutShort(pod, exit)
  const failed = (cut || exit.code !== 0 || pod.status?.phase === 'Failed') && !beatDeadline(pod, exit)
  if (failed && disruption !== undefined) return { is: 'exited', facts, exit: { ...exit, ...disruption } }
  if (!cut) return { is: 'exited', facts, exit }
  const message = `the pod was deleted while its job ran (exit code ${exit.code})`
  return { is: 'exited', facts, exit: { ...exit, reason: 'PodDeleted', message } }
}

/** Whether the container ended before the pod's deadline, so that the deadline only stopped a sidecar. */
function beatDeadline({ spec, status }: Pod, { finishedAt }: Exit): boolean {
  const { activeDeadlineSeconds } = spec
  if (status?.reason !== 'DeadlineExceeded' || status.startTime === undefined) return false
  if (activeDeadlineSeconds === undefined || finishedAt === undefined) return false
  return Date.parse(finishedAt) < Date.parse(status.startTime) + activeDeadlineSeconds * 1000
}

/**
 * Whether the container ended because the pod was deleted. Kubelet times are whole seconds, and a job may exit within
 * one on SIGTERM. An exit in the same second counts as cut short: a false failure can be run again, a false success goes
 * unnoticed. If a pod ends before we delete it, its outcome is already stored.
 *
 * When the containers have ended, the kubelet deletes the pod once more, without a grace period. That moves the time of
 * the deletion to then, and hides when it was asked for. A pod that had ended before it was deleted looks the same.
 */
function cutShort(pod: Pod, exit: Exit): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = pod.metadata
  if (deletionTimestamp === undefined || exit.finishedAt === undefined) return false
  const wasStopped = stopCodes.has(exit.code) && exit.reason !== 'OOMKilled'
  const finalMs = wasStopped ? FINAL_DELETE_MS.latest : FINAL_DELETE_MS.usual
  const sinceAskedMs = deletionGracePeriodSeconds === 0 ? finalMs : deletionGracePeriodSeconds * 1000
  const askedMs = Date.parse(deletionTimestamp) - sinceAskedMs
  return Date.parse(exit.finishedAt) >= askedMs
}

function vanished(facts: PodFacts, disruption: Disruption | undefined): PodState {
  if (disruption !== undefined) return { is: 'lost', facts, ...disruption }
  if (facts.isDeleting) return { is: 'lost', facts, reason: 'PodDeleted', message: 'the pod was deleted' }
  // The final phase will carry the reason.
  if (!facts.isTerminal) return { is: 'running', facts }
  return { is: 'lost', facts, reason: 'NodeLost', message: 'the kubelet no longer found the container' }
}

function ending(pod: Pod, facts: PodFacts, disruption: Disruption | undefined): PodState {
  const why: Disruption = disruption ?? { reason: 'PodDeleted', message: 'the pod was deleted' }
  // No kubelet has it, so no exit will be reported.
  if (facts.nodeName === undefined || facts.isTerminal) return { is: 'lost', facts, ...why }
  const deletedMs = Date.parse(pod.metadata.deletionTimestamp ?? '')
  return { is: 'ending', facts, giveUpAt: new Date(deletedMs + DELETION_SLACK_MS), reason: why.reason }
}

function neverRan(pod: Pod, facts: PodFacts, disruption: Disruption | undefined): PodState {
  if (disruption !== undefined) return { is: 'lost', facts, ...disruption }
  const init = failedInit(pod)
  if (init?.state?.terminated !== undefined) {
    const exit = exitOf(init.state.terminated)
    return { is: 'exited', facts, exit: { ...exit, message: `init container ${init.name}: ${exit.message}` } }
  }
  const { reason, message } = pod.status ?? {}
  const cause = `the pod ended without running the job: ${message ?? reason ?? 'no container status'}`
  // A kubelet that rejects a pod gives a reason: if that is not a disruption, the pod's spec is at fault.
  return { is: 'lost', facts, reason: reason === undefined ? 'NodeLost' : 'InvalidPod', message: cause }
}
