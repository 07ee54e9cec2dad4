import type { Readable } from 'node:stream'
import { controllerUid } from '../../api/object.ts'
import { type Pod, pods } from '../../api/pod.ts'
import type { RunnerJob } from '../../api/runner-job.ts'
import { logContainer } from '../../domain/pod/log-container.ts'
import { resourcePath } from '../../kube/client/resource-path.ts'
import type { Session } from '../session.ts'

export interface LogPart {
  follow: boolean
  tail?: number | undefined
  since?: string | undefined
  container?: string | undefined
}

/** The job's own pod: another one may have got its name. */
export async function podOf({ client, namespace, host }: Session, { status }: RunnerJob): Promise<Pod | undefined> {
  const { podName, podUID, runnerRef } = status
  if (podName === undefined) return undefined
  const pod = await client.find(pods, { namespace, name: podName }, host.signal)
  if (pod === undefined) return undefined
  const isIts = podUID === undefined ? controllerUid(pod) === runnerRef?.uid : pod.metadata.uid === podUID
  return isIts ? pod : undefined
}

/** Whether there is a log to read: the container that decides the job's outcome has started. */
export function hasLog(pod: Pod, container: string | undefined): boolean {
  return container !== undefined || logContainer(pod) !== undefined
}

/** Whether nothing is written to the log any more. */
export function logHasEnded(pod: Pod): boolean {
  const { phase } = pod.status ?? {}
  return phase === 'Succeeded' || phase === 'Failed' || logContainer(pod)?.state?.terminated !== undefined
}

/** Opens the log; each line begins with its timestamp. */
export function openLog({ client, host }: Session, pod: Pod, part: LogPart): Promise<Readable> {
  const { follow, tail, since, container = logContainer(pod)?.name } = part
  const query = {
    timestamps: 'true',
    ...(container !== undefined && { container }),
    ...(tail !== undefined && { tailLines: String(tail) }),
    ...(since !== undefined && { sinceTime: since }),
    ...(follow && { follow: 'true' }),
  }
  return client.stream(resourcePath(pods, pod.metadata.namespace, pod.metadata.name, 'log'), query, host.signal)
}

/** The bytes of a stream. */
export async function* bytesOf(stream: AsyncIterable<unknown>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of stream) if (chunk instanceof Uint8Array) yield chunk
}
