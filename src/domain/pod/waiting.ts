import type { ContainerStatus, Pod } from '../../api/pod.ts'
import type { WaitingReason } from '../../api/reasons.ts'

/** Why a pod does not run yet. `fatal`: waiting longer cannot help. */
export interface Waiting {
  reason: WaitingReason | 'InvalidPod'
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

const podTrouble = new Set(['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError'])

/** Reads what the scheduler and the kubelet say about a pod that has not started. */
export function waitingOf(pod: Pod): Waiting {
  const unscheduled = pod.status?.conditions?.find(
    ({ type, status, reason }) => type === 'PodScheduled' && status === 'False' && reason === 'Unschedulable',
  )
  if (unscheduled !== undefined) {
    return { reason: 'Unschedulable', message: unscheduled.message ?? 'no node takes the pod', fatal: false }
  }
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {}
  for (const status of [...initContainerStatuses, ...containerStatuses]) {
    const trouble = containerTrouble(status)
    if (trouble !== undefined) return trouble
  }
  const crashing = initContainerStatuses.find(keepsEnding)
  if (crashing !== undefined) {
    return { reason: 'InvalidPod', message: `container ${crashing.name} ends again and again`, fatal: false }
  }
  return starting(pod.metadata.name)
}

/** What is said of a pod from before it is there until it runs: other words in between would cost a write of their own. */
export function starting(pod: string): Waiting {
  return { reason: 'RunnerStarting', message: `pod ${pod} is starting`, fatal: false }
}

/**
 * Whether a restartable init container keeps the pod from starting. Between two ends it runs for a while, as far as
 * its startup probe lets it: that is no progress.
 */
function keepsEnding({ restartCount = 0, started, state }: ContainerStatus): boolean {
  if (state?.waiting?.reason === 'CrashLoopBackOff') return true
  return restartCount > 0 && started === false && state?.terminated?.exitCode !== 0
}

function containerTrouble(status: ContainerStatus): Waiting | undefined {
  const { reason = '', message = '' } = status.state?.waiting ?? {}
  const said = message === '' ? reason : message
  // ErrImagePull and ImagePullBackOff alternate with different texts: one steady message avoids a write each time.
  if (imageTrouble.has(reason)) {
    const fatal = reason === 'InvalidImageName'
    const image = status.image === undefined ? 'the image' : `image ${status.image}`
    return { reason: 'ImagePull', message: `${image} of container ${status.name} cannot be pulled`, fatal }
  }
  if (podTrouble.has(reason)) return { reason: 'InvalidPod', message: said, fatal: false }
  return undefined
}
