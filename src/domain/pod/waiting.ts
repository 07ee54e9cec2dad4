import type { ContainerStatus, Pod, PodCondition } from '../../api/pod.ts'
import type { WaitingReason } from '../../api/reasons.ts'
import { isUnavailable } from './claims.ts'
import { causesOf } from './scheduler-message.ts'

/** Why a pod does not run yet. `fatal`: waiting longer cannot help. */
export interface Waiting {
  reason: WaitingReason
  message: string
  fatal: boolean
}

const imageTrouble = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'ImageInspectError',
  'RegistryUnavailable',
  'SignatureValidationFailed',
])

/** Waiting reasons of a container that only waits for its turn. `keepsEnding` judges a container that keeps ending. */
const ordinary = new Set(['', 'ContainerCreating', 'PodInitializing', 'CrashLoopBackOff'])

/**
 * Reads the scheduler's and the kubelet's reasons in the status of a pod that has not started. `withoutSecrets`: the names
 * of image pull secrets that the kubelet did not find.
 */
export function waitingOf(pod: Pod, withoutSecrets = ''): Waiting {
  const unscheduled = pod.status?.conditions?.find(({ type, status }) => type === 'PodScheduled' && status === 'False')
  if (unscheduled !== undefined) return unscheduledWaiting(pod, unscheduled)
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {}
  for (const status of [...initContainerStatuses, ...containerStatuses]) {
    const trouble = containerTrouble(status, withoutSecrets)
    if (trouble !== undefined) return trouble
  }
  const crashing = crashingInit(pod)
  if (crashing !== undefined) return fixable('InvalidPod', `container ${crashing.name} keeps exiting`)
  return starting(pod.metadata.name)
}

/** The one message from before the pod exists until it runs: another message in between would cost another write. */
export function starting(pod: string): Waiting {
  return { reason: 'RunnerStarting', message: `pod ${pod} is starting`, fatal: false }
}

/**
 * Whether the node still sets the pod up, according to its status: volumes, network and devices come before the first
 * image. No field of the status shows what goes wrong there, see warnings.ts.
 */
export function isBeingSetUp({ spec, status = {} }: Pod): boolean {
  const { conditions = [], initContainerStatuses = [], containerStatuses = [] } = status
  if (spec.nodeName === undefined) return false
  if (conditions.some((each) => each.type === 'PodReadyToStartContainers' && each.status === 'True')) return false
  return [...initContainerStatuses, ...containerStatuses].every(
    ({ state = {} }) => state.running === undefined && state.terminated === undefined,
  )
}

function unscheduledWaiting(pod: Pod, { reason, message = 'no node takes the pod' }: PodCondition): Waiting {
  if (reason === 'SchedulingGated') return gated(pod)
  if (isUnavailable(message)) return fixable('VolumeUnavailable', causesOf(message))
  return { reason: 'Unschedulable', message: causesOf(message), fatal: false }
}

/** The owner of a gate removes it: the pod waits in another queue, which may take as long as the job may wait. */
function gated({ metadata, spec }: Pod): Waiting {
  const names = (spec.schedulingGates ?? []).map(({ name }) => JSON.stringify(name)).join(', ')
  const gates = names === '' ? '' : `: ${names}`
  return {
    reason: 'SchedulingGated',
    message: `pod ${metadata.name} waits for its scheduling gates${gates}`,
    fatal: false,
  }
}

/** The restartable init container that keeps the pod from starting because it keeps ending. */
export function crashingInit({ status }: Pod): ContainerStatus | undefined {
  return status?.initContainerStatuses?.find(keepsEnding)
}

/**
 * Whether a restartable init container keeps the pod from starting. Between two exits it runs for as long as its startup
 * probe allows: that is not progress.
 */
function keepsEnding({ restartCount = 0, started, state }: ContainerStatus): boolean {
  if (state?.waiting?.reason === 'CrashLoopBackOff') return true
  return restartCount > 0 && started === false && state?.terminated?.exitCode !== 0
}

/** Whether the pod waits for an image that cannot be pulled, and has secrets to pull it with. */
export function waitsForSecrets(pod: Pod): boolean {
  return (pod.spec.imagePullSecrets ?? []).length > 0 && waitingOf(pod).reason === 'ImagePull'
}

/** Why the image of a container cannot be pulled, in the words of the registry or the runtime, if it cannot. */
export function pullTroubleOf({ state }: ContainerStatus): string | undefined {
  const { reason = '', message = '' } = state?.waiting ?? {}
  if (!imageTrouble.has(reason)) return undefined
  const cause = pullError(message)
  return cause === '' ? reason : cause
}

function containerTrouble({ name, image, state }: ContainerStatus, withoutSecrets: string): Waiting | undefined {
  const { reason = '', message = '' } = state?.waiting ?? {}
  if (ordinary.has(reason)) return undefined
  if (imageTrouble.has(reason)) {
    const what = `${image === undefined ? 'the image' : `image ${image}`} of container ${name} cannot be pulled`
    const secrets =
      withoutSecrets === '' ? '' : `, and the kubelet did not find its image pull secrets (${withoutSecrets})`
    const cause = pullError(message)
    const detail = cause === '' ? `${what}${secrets}` : `${what}${secrets}: ${cause}`
    return { reason: 'ImagePull', message: detail, fatal: reason === 'InvalidImageName' }
  }
  if (reason === 'PostStartHookError') return fixable('HookFailed', `the postStart hook of container ${name} failed`)
  return fixable('InvalidPod', message === '' ? reason : message)
}

/**
 * The error of the registry or the runtime. While the kubelet waits to pull again, it repeats the error after a prefix
 * that changes. Queries and passwords in URLs are removed: they may be credentials.
 */
function pullError(message: string): string {
  return message
    .replace(/^Back-off pulling image "[^"]*"(?:: )?/, '')
    .replace(/^Err\w+: /, '')
    .replaceAll(/(\bhttps?:\/\/)[^\s"/@]*@/g, '$1')
    .replaceAll(/(\bhttps?:\/\/[^\s"?]*)\?[^\s"]*/g, '$1')
}

function fixable(reason: WaitingReason, message: string): Waiting {
  return { reason, message, fatal: false }
}
