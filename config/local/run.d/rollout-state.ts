import { type KubeObject, controllerUid } from '../../../src/api/object.ts'
import type { Pod } from '../../../src/api/pod.ts'

/** The fields of a Deployment or ReplicaSet that show a rollout. */
interface Workload extends KubeObject {
  spec: { replicas?: number }
  status?: {
    observedGeneration?: number
    replicas?: number
    updatedReplicas?: number
    availableReplicas?: number
    conditions?: { type: string; status: string; message?: string }[]
  }
}

/** The state of a rollout. */
export type Rollout =
  | { is: 'done' }
  | { is: 'under-way'; progress: string }
  | { is: 'stuck'; why: string; pod?: string }

/** Reads a rollout from the Deployment, its ReplicaSets and their pods. */
export function rolloutOf(items: unknown[]): Rollout {
  const workloads = items.filter(isWorkload)
  const deployment = workloads.find(({ kind }) => kind === 'Deployment')
  const revision = revisionOf(deployment)
  const current = workloads.find((workload) => workload.kind === 'ReplicaSet' && revisionOf(workload) === revision)
  if (deployment === undefined || current === undefined || !isObserved(deployment)) {
    return { is: 'under-way', progress: 'waiting for the cluster to take the deployment up' }
  }
  const refused = deployment.status?.conditions?.find(
    ({ type, status }) => type === 'ReplicaFailure' && status === 'True',
  )
  if (refused !== undefined) return { is: 'stuck', why: refused.message ?? 'its pod was refused' }
  const pods = items.filter(isPod)
  const own = pods.filter((pod) => controllerUid(pod) === current.metadata.uid)
  for (const pod of own) {
    const why = troubleOf(pod)
    if (why !== undefined) return { is: 'stuck', why, pod: pod.metadata.name }
  }
  return isComplete(deployment)
    ? { is: 'done' }
    : { is: 'under-way', progress: own.map(stateOf).join(', ') || 'no pod yet' }
}

function isWorkload(item: unknown): item is Workload {
  return isKind(item, 'Deployment') || isKind(item, 'ReplicaSet')
}

function isPod(item: unknown): item is Pod {
  return isKind(item, 'Pod')
}

function isKind(item: unknown, kind: string): boolean {
  return typeof item === 'object' && item !== null && Reflect.get(item, 'kind') === kind
}

function revisionOf(workload: Workload | undefined): string | undefined {
  return workload?.metadata.annotations?.['deployment.kubernetes.io/revision']
}

function isObserved({ metadata, status }: Workload): boolean {
  return (status?.observedGeneration ?? 0) >= (metadata.generation ?? 1)
}

function isComplete({ spec, status = {} }: Workload): boolean {
  const wanted = spec.replicas ?? 1
  return [status.replicas, status.updatedReplicas, status.availableReplicas].every((count) => (count ?? 0) === wanted)
}

const hopeless = new Set([
  'CrashLoopBackOff',
  'CreateContainerConfigError',
  'CreateContainerError',
  'ErrImageNeverPull',
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
])

function troubleOf(pod: Pod): string | undefined {
  const waiting = (pod.status?.containerStatuses ?? []).map(({ state }) => state?.waiting)
  const stuck = waiting.find((state) => hopeless.has(state?.reason ?? ''))
  return stuck === undefined ? undefined : `${stuck.reason ?? ''} ${stuck.message ?? ''}`.trim()
}

function stateOf(pod: Pod): string {
  const { containerStatuses: [container] = [], conditions = [], phase = 'Pending' } = pod.status ?? {}
  if (container?.state?.running !== undefined) return `pod ${pod.metadata.name} runs and is not ready yet`
  const unscheduled = conditions.find(({ type, status }) => type === 'PodScheduled' && status === 'False')
  return `pod ${pod.metadata.name}: ${unscheduled?.message ?? container?.state?.waiting?.reason ?? phase}`
}
