import type { ContainerStatus, Pod } from '../api/pod.ts'
import type { WaitingReason } from '../api/reasons.ts'

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
  const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])]
  for (const status of statuses) {
    const trouble = containerTrouble(status)
    if (trouble !== undefined) return trouble
  }
  return { reason: 'RunnerStarting', message: `pod ${pod.metadata.name} is starting`, fatal: false }
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
