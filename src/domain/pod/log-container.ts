import type { ContainerStatus, Pod } from '../../api/pod.ts'
import { jobContainer, startOf } from './job-container.ts'
import { crashingInit } from './waiting.ts'

/**
 * The container whose log is the job's: the job's own container once it has started, or the failed init container if
 * the pod ended before that. Undefined while there is no log.
 */
export function logContainer(pod: Pod): ContainerStatus | undefined {
  const own = jobContainer(pod)
  if (own !== undefined && startOf(own) !== undefined) return own
  return pod.status?.phase === 'Failed' ? failedInit(pod) : undefined
}

/**
 * The container whose log to show at this moment: while the pod cannot start because a restartable init container keeps
 * ending, that one's. Not for a reader that follows the log: the job's may still come.
 */
export function currentLogContainer(pod: Pod): ContainerStatus | undefined {
  return logContainer(pod) ?? crashingInit(pod)
}

/** The init container that ended a pod before the job's container started. */
export function failedInit({ status }: Pod): ContainerStatus | undefined {
  return status?.initContainerStatuses?.find(({ state }) => (state?.terminated?.exitCode ?? 0) !== 0)
}
