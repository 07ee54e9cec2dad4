import type { KubeObject, Resource } from '../api/object.ts'
import type { KubeClient } from '../kube/client.ts'
import { NotFound } from '../kube/errors.ts'
import type { ObjectKey } from '../kube/resource-path.ts'

/** Asks the API server for an object, before an absence from the caches is acted on; undefined where it is not there. */
export async function lookUp<T extends KubeObject>(
  client: KubeClient,
  resource: Resource<T>,
  key: ObjectKey,
  signal: AbortSignal,
): Promise<T | undefined> {
  try {
    return await client.get(resource, key, signal)
  } catch (error) {
    if (error instanceof NotFound) return undefined
    throw error
  }
}
