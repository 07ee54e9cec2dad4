import type { KubeObject, NewObject, Resource } from '../../src/api/object.ts'
import type { Pod } from '../../src/api/pod.ts'
import type { KubeClient } from '../../src/kube/client/client.ts'
import { wholeSeconds } from './script.ts'

type CoreEvent = KubeObject & Record<string, unknown>

const events: Resource<CoreEvent> = { group: '', version: 'v1', plural: 'events', kind: 'Event' }

/** Writes an Event about a pod as kubelets do: in the older form, about a container where one is named; by default a warning. */
export async function warn(
  client: KubeClient,
  { metadata: { name, namespace = '', uid } }: Pod,
  {
    reason,
    message,
    container,
    type = 'Warning',
  }: { reason: string; message: string; container?: string; type?: string },
): Promise<void> {
  const fieldPath = container === undefined ? {} : { fieldPath: `spec.containers{${container}}` }
  const event: NewObject<CoreEvent> = {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `${name}.${reason.toLowerCase()}`, namespace },
    involvedObject: { apiVersion: 'v1', kind: 'Pod', name, namespace, uid, ...fieldPath },
    type,
    reason,
    message,
    source: { component: 'kubelet' },
    firstTimestamp: wholeSeconds(),
    lastTimestamp: wholeSeconds(),
    count: 1,
  }
  await client.create(events, event, new AbortController().signal)
}
