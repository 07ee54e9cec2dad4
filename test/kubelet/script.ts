import { CONTAINER_ANNOTATION } from '../../src/api/names.ts'
import type { Pod } from '../../src/api/pod.ts'

/** What the stand-in kubelet does to one pod, step by step. */
export interface Script {
  steps: readonly Step[]
  /** Reaction to a deletion or a deadline: the container ends after a time, with a code, or never. */
  stop?: { afterMs?: number; code?: number } | 'never'
}

/** Binds the pod to the node, or writes the status that a function computes from the current pod. */
export interface Step {
  afterMs?: number
  act: 'bind' | ((pod: Pod) => Record<string, unknown>)
}

/** Whole seconds, as kubelets write times. */
export function wholeSeconds(date = new Date()): string {
  return `${date.toISOString().slice(0, 19)}Z`
}

/** Runs until the test ends it. */
export function runs(afterMs = 0): Script {
  return { steps: [{ act: 'bind' }, { afterMs, act: running }] }
}

/** Runs for a while, then ends with an exit code. */
export function exits(code: number, { startMs = 0, runMs = 0 } = {}): Script {
  return { steps: [...runs(startMs).steps, { afterMs: runMs, act: (pod) => exited(pod, code) }] }
}

export function succeeds(times: { startMs?: number; runMs?: number } = {}): Script {
  return exits(0, times)
}

/** Succeeds in one write, so that thousands of pods cost little. */
export function succeedsAtOnce(): Script {
  return { steps: [{ act: (pod) => exited(pod, 0) }] }
}

/** Killed for its memory. */
export function runsOutOfMemory(): Script {
  return { steps: [...runs().steps, { act: (pod) => exited(pod, 137, 'OOMKilled') }] }
}

/** Ended from outside: the kubelet or the control plane reports why in a condition. */
export function disrupted(reason: string, message: string): Script {
  const conditions = [{ type: 'DisruptionTarget', status: 'True', reason, message, lastTransitionTime: wholeSeconds() }]
  return { steps: [...runs().steps, { act: (pod) => ({ ...exited(pod, 137), conditions }) }] }
}

/** The kubelet rejected or evicted the pod: no container status reports an end. */
export function refused(reason: string, message: string): Script {
  return { steps: [{ act: 'bind' }, { act: () => ({ phase: 'Failed', reason, message }) }] }
}

/** Bound to the node, whose kubelet cannot start the container. */
export function waitsFor(reason: string, message = 'no such thing'): Script {
  return { steps: [{ act: 'bind' }, { act: (pod) => pending(pod, { waiting: { reason, message } }) }] }
}

/** No node accepts the pod. */
export function unschedulable(message = '0/1 nodes are available: 1 Insufficient cpu.'): Script {
  const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }
  return { steps: [{ act: () => ({ phase: 'Pending', conditions: [condition] }) }] }
}

/** Bound to the node, which never finishes its setup. The test writes the Events that explain it. */
export function isSetUp(): Script {
  return waitsFor('ContainerCreating', '')
}

/** Nothing happens to the pod. */
export function ignored(): Script {
  return { steps: [] }
}

export function running(pod: Pod): Record<string, unknown> {
  const startedAt = wholeSeconds()
  return { phase: 'Running', startTime: startedAt, ...containers(pod, { running: { startedAt } }) }
}

/** The pod's container ended. */
export function exited(pod: Pod, exitCode: number, reason?: string): Record<string, unknown> {
  const finishedAt = wholeSeconds()
  const startedAt = startOf(pod) ?? finishedAt
  const why = reason ?? (exitCode === 0 ? 'Completed' : 'Error')
  const terminated = { exitCode, reason: why, startedAt, finishedAt, containerID: containerId(pod) }
  return { phase: exitCode === 0 ? 'Succeeded' : 'Failed', ...containers(pod, { terminated }) }
}

/** The end of a deleted pod: for a container that never started, a kubelet only reports that it cannot find it. */
export function stopped(pod: Pod, exitCode: number): Record<string, unknown> {
  if (startOf(pod) !== undefined) return exited(pod, exitCode)
  const message = 'The container could not be located when the pod was terminated'
  const times = { startedAt: null, finishedAt: null }
  const terminated = { exitCode: 137, reason: 'ContainerStatusUnknown', message, ...times }
  return { phase: 'Failed', ...containers(pod, { terminated }) }
}

/** The pod's deadline has passed: what still runs is stopped, and the pod stays with its logs. */
export function expired({ status }: Pod, exitCode = 143): Record<string, unknown> {
  const finishedAt = wholeSeconds()
  const containerStatuses = (status?.containerStatuses ?? []).map((container) => {
    const { running: now, terminated } = container.state ?? {}
    if (terminated !== undefined) return container
    return { ...container, state: { terminated: { exitCode, reason: 'Error', ...now, finishedAt } } }
  })
  const message = 'Pod was active on the node longer than the specified deadline'
  return { phase: 'Failed', reason: 'DeadlineExceeded', message, containerStatuses }
}

function pending(pod: Pod, state: object): Record<string, unknown> {
  return { phase: 'Pending', ...containers(pod, state) }
}

function containers(pod: Pod, state: object): Record<string, unknown> {
  const name = pod.metadata.annotations?.[CONTAINER_ANNOTATION] ?? 'runner'
  const isWaiting = 'waiting' in state
  const common = { name, image: 'runner', imageID: '', ready: false, restartCount: 0, state }
  return { containerStatuses: [{ ...common, ...(!isWaiting && { containerID: containerId(pod) }) }] }
}

export function containerId(pod: Pod): string {
  return `stand-in://${pod.metadata.uid}`
}

function startOf(pod: Pod): string | undefined {
  return pod.status?.containerStatuses?.[0]?.state?.running?.startedAt
}
