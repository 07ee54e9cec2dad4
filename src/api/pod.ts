import { GROUP, OUTCOME_FINALIZER, PRE_PULL_LABEL } from './names.ts'
import { daemonSets } from './daemon-set.ts'
import { controllerOf, type KubeObject, type Resource } from './object.ts'
import { runners } from './runner.ts'

/** State of a container as the kubelet reports it: one of the three is set, or none at first. */
export interface ContainerState {
  waiting?: { reason?: string; message?: string }
  running?: { startedAt?: string }
  terminated?: {
    exitCode: number
    reason?: string
    message?: string
    /** Null if the container never started: the API server writes an unset time as null. */
    startedAt?: string | null
    finishedAt?: string | null
    containerID?: string
  }
}

export interface ContainerStatus {
  name: string
  image?: string
  imageID?: string
  containerID?: string
  restartCount?: number
  /** The container runs, and has passed its startup probe if it has one. */
  started?: boolean
  state?: ContainerState
  /** How the container ended before, if it is known to have run before. */
  lastState?: Pick<ContainerState, 'terminated'>
}

export interface PodCondition {
  type: string
  status: string
  reason?: string
  message?: string
  lastTransitionTime?: string
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

/** A volume, as far as it needs a claim. */
export interface PodVolume {
  name: string
  persistentVolumeClaim?: { claimName: string }
  /** Its claim is named after the pod and the volume. */
  ephemeral?: object
}

/** The fields of a pod that we read. We write a PodTemplate with additions, see domain/runner/desired-pod.ts. */
export interface Pod extends KubeObject {
  spec: {
    nodeName?: string
    schedulingGates?: { name: string }[]
    imagePullSecrets?: { name?: string }[]
    volumes?: PodVolume[]
    resourceClaims?: { name: string }[]
    activeDeadlineSeconds?: number
    [field: string]: unknown
  }
  status?: PodStatus
}

export const pods: Resource<Pod> = { group: '', version: 'v1', plural: 'pods', kind: 'Pod' }

/** Whether a pod is ours: a Runner owns it, or it has our finalizer. Labels do not count: they are for selectors. */
export function isOwnPod(pod: Pod): boolean {
  const owner = controllerOf(pod)
  const isOwned = owner?.kind === runners.kind && owner.apiVersion.startsWith(`${GROUP}/`)
  return isOwned || isHeldPod(pod)
}

/** Whether a pod keeps images of a pool on its node: it runs no job. */
export function isPrePullPod(pod: Pod): boolean {
  return pod.metadata.labels?.[PRE_PULL_LABEL] !== undefined && controllerOf(pod)?.kind === daemonSets.kind
}

/** Whether the pod has our finalizer. */
export function isHeldPod({ metadata }: Pod): boolean {
  return metadata.finalizers?.includes(OUTCOME_FINALIZER) === true
}
