import type { KubeObject } from '../api/object.ts'

/** The object without the bookkeeping of field owners, which is more than half of its memory. */
export function withoutManagedFields<T extends KubeObject>(raw: T): T {
  if (!('managedFields' in raw.metadata)) return raw
  const { managedFields: _, ...metadata } = raw.metadata
  return { ...raw, metadata }
}
