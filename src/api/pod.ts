import { GROUP, OUTCOME_FINALIZER } from './names.ts'
import { controllerOf, type KubeObject, type Resource } from './object.ts'
import { runners } from './runner.ts'

/** State of a container as the kubelet reports it: one of the three is set, or none yet. */
export interface ContainerState {
  waiting?: { reason?: string; message?: string }
  running?: { startedAt?: string }
  terminated?: {
    exitCode: number
    reason?: string
    message?: string
    /** Null where it never was: so the API server writes a time that is not set. */
    startedAt?: string | null
    finishedAt?: string | null
    containerID?: string
  }
}

export interface ContainerStatus {
  name: string
  image?: string
  containerID?: string
  restartCount?: number
  /** It runs, and has passed its startup probe if it has one. */
  started?: boolean
  state?: ContainerState
}

export interface PodCondition {
  type: string
  status: string
  reason?: string
  message?: string
}

export interface PodStatus {
  phase?: string
  reason?: string
  message?: string
  startTime?: string
  conditions?: PodCondition[]
  initContainerStatuses?: ContainerStatus[]
  containerStatuses?: ContainerStatus[]
}

/** The part of a pod that we read. What we write is a PodTemplate with more in it, see domain/runner/desired-pod.ts. */
export interface Pod extends KubeObject {
  spec: {
    nodeName?: string
    schedulingGates?: { name: string }[]
    activeDeadlineSeconds?: number
    [field: string]: unknown
  }
  status?: PodStatus
}

export const pods: Resource<Pod> = { group: '', version: 'v1', plural: 'pods', kind: 'Pod' }

/** Whether a pod is one of ours: a Runner owns it, or our finalizer holds it. Labels are for those who look for it. */
export function isOwnPod(pod: Pod): boolean {
  const owner = controllerOf(pod)
  const isRunners = owner?.kind === runners.kind && owner.apiVersion.startsWith(`${GROUP}/`)
  return isRunners || isHeldPod(pod)
}

/** Whether our finalizer holds the pod. */
export function isHeldPod({ metadata }: Pod): boolean {
  return metadata.finalizers?.includes(OUTCOME_FINALIZER) === true
}
