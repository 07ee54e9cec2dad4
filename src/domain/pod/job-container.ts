import { CONTAINER_ANNOTATION } from '../../api/names.ts'
import type { ContainerStatus, Pod } from '../../api/pod.ts'

/** The kubelet's status of the job's container. */
export function jobContainer(pod: Pod): ContainerStatus | undefined {
  const statuses = pod.status?.containerStatuses ?? []
  const name = pod.metadata.annotations?.[CONTAINER_ANNOTATION]
  return statuses.find((status) => status.name === name) ?? statuses[0]
}

/** When a container started. The kubelet writes no start time (or the epoch) for one that never ran. */
export function startOf({ state = {} }: ContainerStatus): string | undefined {
  const startedAt = state.running?.startedAt ?? state.terminated?.startedAt ?? ''
  return startedAt > '1971' ? startedAt : undefined
}
