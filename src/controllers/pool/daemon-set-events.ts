import type { DaemonSet } from '../../api/daemon-set.ts'
import type { KubeClient } from '../../kube/client/client.ts'
import { Forbidden } from '../../kube/client/errors.ts'
import { events } from '../../kube/events/event.ts'

/** Events of one DaemonSet that are looked at. */
const PAGE = 50

/**
 * Why the API server refuses the pods of a DaemonSet, in the words of its controller; undefined if no Event says so, and
 * without the right to read Events.
 */
export async function failedCreate(
  client: KubeClient,
  { metadata: { uid, namespace } }: DaemonSet,
  signal: AbortSignal,
): Promise<string | undefined> {
  const options = { fieldSelector: `type=Warning,reason=FailedCreate,regarding.uid=${uid}`, limit: PAGE }
  try {
    const { items } = await client.listPage(events, namespace, options, signal)
    const note: unknown = items.at(-1)?.note
    return typeof note === 'string' ? note : undefined
  } catch (error) {
    if (error instanceof Forbidden) return undefined
    throw error
  }
}
