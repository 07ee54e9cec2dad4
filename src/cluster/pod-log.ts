import type { Readable } from 'node:stream'
import { controllerUid } from '../api/object.ts'
import { type Pod, pods } from '../api/pod.ts'
import type { RunnerJob } from '../api/runner-job.ts'
import { type Caches, podOf, runnerOf } from './caches.ts'
import { startOf } from '../domain/pod/job-container.ts'
import { currentLogContainer, logContainer } from '../domain/pod/log-container.ts'
import { ApiError } from '../kube/client/errors.ts'
import { resourcePath } from '../kube/client/resource-path.ts'
import type { KubeClient } from '../kube/client/client.ts'

/** Limit of a log in one JSON response, in bytes. */
export const LONGEST_LOG = 8 * 1024 * 1024

/** The job's pod. Its Runner and UID must match the job's, so that the log of another pod is never shown. */
export function logPod({ caches }: { caches: Caches }, job: RunnerJob): Pod | undefined {
  const pod = podOf(caches, job)
  const runnerUid = job.status.runnerRef?.uid ?? runnerOf(caches, job)?.metadata.uid
  if (pod === undefined || runnerUid === undefined || controllerUid(pod) !== runnerUid) return undefined
  const isRecorded = job.status.podUID === undefined || job.status.podUID === pod.metadata.uid
  return isRecorded ? pod : undefined
}

/** Whether the container that decides the job's outcome has run, so that the kubelet has its log. */
export function hasLog(pod: Pod): boolean {
  return logContainer(pod) !== undefined
}

/** The same, or a container that keeps ending before it, so that the pod cannot start. */
export function hasCurrentLog(pod: Pod): boolean {
  return currentLogContainer(pod) !== undefined
}

/** When the container that decides the outcome started. */
export function logStart(pod: Pod): string | undefined {
  const container = logContainer(pod)
  return container === undefined ? undefined : startOf(container)
}

/** Which part of a log to read: the last lines, or those from a timestamp on; and whether to follow it. */
export interface LogPart {
  tail?: number
  follow: boolean
  since?: string | undefined
  /** Most bytes of a log that is not followed. */
  limitBytes?: number
}

/** Opens the log of a pod at the kubelet; each line begins with its timestamp. */
export async function openLog(
  { client }: { client: KubeClient },
  pod: Pod,
  { tail, follow, since, limitBytes = LONGEST_LOG }: LogPart,
  signal: AbortSignal,
): Promise<Readable> {
  const container = currentLogContainer(pod)?.name
  const query = {
    timestamps: 'true',
    ...(container !== undefined && { container }),
    ...(tail !== undefined && { tailLines: String(tail) }),
    ...(since !== undefined && { sinceTime: since }),
    ...(follow && { follow: 'true' }),
    ...(!follow && limitBytes < Infinity && { limitBytes: String(limitBytes) }),
  }
  const log = await client.stream(resourcePath(pods, pod.metadata.namespace, pod.metadata.name, 'log'), query, signal)
  // Whoever reads it meets the error; where nobody does just then, it must not end the process.
  log.on('error', () => undefined)
  return log
}

/** Reads the pod from the API server; undefined if another pod has its name. */
export async function freshPod(
  { client }: { client: KubeClient },
  { metadata }: Pod,
  signal: AbortSignal,
): Promise<Pod | undefined> {
  const pod = await client.get(pods, { namespace: metadata.namespace ?? '', name: metadata.name }, signal)
  return pod.metadata.uid === metadata.uid ? pod : undefined
}

/** Whether the kubelet does not know the container, not yet or no longer. */
export function isUnknownContainer(error: unknown): boolean {
  return error instanceof ApiError && error.code === 400
}
