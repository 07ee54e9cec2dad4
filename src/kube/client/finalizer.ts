import { keyOf, type KubeObject, type Resource } from '../../api/object.ts'
import type { JsonPatch, KubeClient } from './client.ts'
import { NotFound } from './errors.ts'
import { splitKey } from './resource-path.ts'

/** Holds a patch to this very object: one that arrives late does not change its successor of the same name. */
export function ofThisObject({ metadata }: KubeObject): JsonPatch {
  return [{ op: 'test', path: '/metadata/uid', value: metadata.uid }]
}

/** What takes one finalizer off an object; nothing where it has none such. The test operation keeps others from going. */
export function withoutFinalizer({ metadata }: KubeObject, finalizer: string): JsonPatch {
  const index = metadata.finalizers?.indexOf(finalizer) ?? -1
  const path = `/metadata/finalizers/${index}`
  return index < 0
    ? []
    : [
        { op: 'test', path, value: finalizer },
        { op: 'remove', path },
      ]
}

/**
 * Removes one finalizer and returns the updated object; undefined if the object lacks the finalizer or is gone. It fails
 * with Invalid if the list has changed meanwhile, or if another object has the name.
 */
// oxlint-disable-next-line max-params -- the signal stays where every other call has it
export async function removeFinalizer<T extends KubeObject>(
  client: KubeClient,
  resource: Resource<T>,
  object: T,
  finalizer: string,
  signal: AbortSignal,
): Promise<T | undefined> {
  const patch = withoutFinalizer(object, finalizer)
  if (patch.length === 0) return undefined
  try {
    return await client.patchJson(resource, splitKey(keyOf(object)), [...ofThisObject(object), ...patch], signal)
  } catch (error) {
    if (error instanceof NotFound) return undefined
    throw error
  }
}
