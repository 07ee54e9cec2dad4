import type { ContainerStatus, Pod, PodCondition } from '../../api/pod.ts'
import type { WaitingReason } from '../../api/reasons.ts'

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

/** What a container says that waits for nothing but its turn. One that keeps ending is judged as a whole. */
const ordinary = new Set(['', 'ContainerCreating', 'PodInitializing', 'CrashLoopBackOff'])

/** An object that a volume or a device of the pod needs, and that somebody has to make. */
const missingClaim =
  /\b(?:persistentvolumeclaim|persistentvolume|resourceclaim|storageclass[.\w]*) "[^"]*" (?:not found|is being deleted|bound to non-existent)/

/** Reads what the scheduler and the kubelet say in the status of a pod that has not started. */
export function waitingOf(pod: Pod): Waiting {
  const unscheduled = pod.status?.conditions?.find(({ type, status }) => type === 'PodScheduled' && status === 'False')
  if (unscheduled !== undefined) return unscheduledWaiting(pod, unscheduled)
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {}
  for (const status of [...initContainerStatuses, ...containerStatuses]) {
    const trouble = containerTrouble(status)
    if (trouble !== undefined) return trouble
  }
  const crashing = initContainerStatuses.find(keepsEnding)
  if (crashing !== undefined) return mendable('InvalidPod', `container ${crashing.name} ends again and again`)
  return starting(pod.metadata.name)
}

/** What is said of a pod from before it is there until it runs: other words in between would cost a write of their own. */
export function starting(pod: string): Waiting {
  return { reason: 'RunnerStarting', message: `pod ${pod} is starting`, fatal: false }
}

/**
 * Whether the node still sets the pod up, as far as its status says: volumes, network and devices come before the first
 * image. What goes wrong there is in no field of the status, see pod-warnings.ts.
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
  if (missingClaim.test(message)) return mendable('VolumeUnavailable', message)
  return { reason: 'Unschedulable', message, fatal: false }
}

/** Whoever closed a gate opens it: the pod waits in somebody's queue, which may take as long as the job may wait. */
function gated({ metadata, spec }: Pod): Waiting {
  const names = (spec.schedulingGates ?? []).map(({ name }) => JSON.stringify(name)).join(', ')
  const gates = names === '' ? '' : `: ${names}`
  return {
    reason: 'SchedulingGated',
    message: `pod ${metadata.name} waits for its scheduling gates${gates}`,
    fatal: false,
  }
}

/**
 * Whether a restartable init container keeps the pod from starting. Between two ends it runs for a while, as far as
 * its startup probe lets it: that is no progress.
 */
function keepsEnding({ restartCount = 0, started, state }: ContainerStatus): boolean {
  if (state?.waiting?.reason === 'CrashLoopBackOff') return true
  return restartCount > 0 && started === false && state?.terminated?.exitCode !== 0
}

function containerTrouble({ name, image, state }: ContainerStatus): Waiting | undefined {
  const { reason = '', message = '' } = state?.waiting ?? {}
  if (ordinary.has(reason)) return undefined
  if (imageTrouble.has(reason)) {
    const what = `${image === undefined ? 'the image' : `image ${image}`} of container ${name} cannot be pulled`
    const cause = pullError(message)
    const said = cause === '' ? what : `${what}: ${cause}`
    return { reason: 'ImagePull', message: said, fatal: reason === 'InvalidImageName' }
  }
  if (reason === 'PostStartHookError') return mendable('HookFailed', `the postStart hook of container ${name} failed`)
  return mendable('InvalidPod', message === '' ? reason : message)
}

/**
 * What the registry or the runtime said. The kubelet repeats it while it waits to pull again, in other words of its own
 * before it. Queries and passwords of addresses are left out: they may be somebody's key.
 */
function pullError(message: string): string {
  return message
    .replace(/^Back-off pulling image "[^"]*"(?:: )?/, '')
    .replace(/^Err\w+: /, '')
    .replaceAll(/(\bhttps?:\/\/)[^\s"/@]*@/g, '$1')
    .replaceAll(/(\bhttps?:\/\/[^\s"?]*)\?[^\s"]*/g, '$1')
}

function mendable(reason: WaitingReason, message: string): Waiting {
  return { reason, message, fatal: false }
}
