import { keyOf } from '../../api/object.ts'
import { type Pod, pods } from '../../api/pod.ts'
import { podRepair, type PodOwners } from '../../domain/drift/pod-repair.ts'
import { splitKey } from '../../kube/client/resource-path.ts'
import type { ReconcilerDeps } from '../deps.ts'

/**
 * Gives a pod back its finalizer, owner and labels, as far as it lacks them. The pod has to come from the API server: a
 * patch of lists replaces them, so it names the version that they are from.
 */
export async function restorePod(
  { client, caches }: Pick<ReconcilerDeps, 'client' | 'caches'>,
  pod: Pod,
  owners: PodOwners,
  signal: AbortSignal,
): Promise<Pod> {
  const repair = podRepair(pod, owners)
  if (Object.keys(repair).length === 0) return pod
  const { uid, resourceVersion } = pod.metadata
  const patch = { metadata: { uid, resourceVersion, ...repair } }
  const restored = await client.patchMerge(pods, splitKey(keyOf(pod)), patch, signal)
  caches.pods.applyOwn(restored)
  return restored
}
