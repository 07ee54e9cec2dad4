import { keyOf, type KubeObject, type Resource } from '../../api/object.ts'
import type { KubeClient } from './client.ts'
import { NotFound } from './errors.ts'
import { splitKey } from './resource-path.ts'

/** Whether an object has this finalizer, as far as its copy here says. */
export function hasFinalizer({ metadata }: KubeObject, finalizer: string): boolean {
  return metadata.finalizers?.includes(finalizer) ?? false
}

/**
 * Takes one finalizer off an object and returns the object as it is then; undefined where it has none such or is gone.
 * The test operation makes sure that no other one goes: Invalid where the list has changed meanwhile.
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
