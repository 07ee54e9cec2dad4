import { keyOf, type KubeObject, type Resource } from '../../api/object.ts'
import type { KubeClient } from './client.ts'
import { NotFound } from './errors.ts'
import { splitKey } from './resource-path.ts'

/** Whether this copy of the object has the finalizer. */
export function hasFinalizer({ metadata }: KubeObject, finalizer: string): boolean {
  return metadata.finalizers?.includes(finalizer) ?? false
}

/**
 * Removes one finalizer and returns the updated object; undefined if the object lacks the finalizer or is gone. The
 * test operation protects the other finalizers: it fails with Invalid if the list has changed meanwhile.
 */
// oxlint-disable-next-line max-params -- the signal stays where every other call has it
export async function removeFinalizer<T extends KubeObject>(
  client: KubeClient,
  resource: Resource<T>,
  object: T,
  finalizer: string,
  signal: AbortSignal,
): Promise<T | undefined> {
  const index = object.metadata.finalizers?.indexOf(finalizer) ?? -1
  if (index < 0) return undefined
  const path = `/metadata/finalizers/${index}`
  const patch = [{ op: 'test', path, value: finalizer } as const, { op: 'remove', path } as const]
  try {
    return await client.patchJson(resource, splitKey(keyOf(object)), patch, signal)
  } catch (error) {
    if (error instanceof NotFound) return undefined
    throw error
  }
}
