import type { KubeObject, Resource } from './object.ts'

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

/** The part of a pod that we read. What we write is a PodTemplate with more in it, see domain/runner-pod.ts. */
export interface Pod extends KubeObject {
  spec: { nodeName?: string; [field: string]: unknown }
  status?: PodStatus
}

export const pods: Resource<Pod> = { group: '', version: 'v1', plural: 'pods', kind: 'Pod' }
