import type { KubeObject } from '../../api/object.ts'

/** Removes managedFields, which take more than half of an object's memory. */
export function withoutManagedFields<T extends KubeObject>(raw: T): T {
  if (!('managedFields' in raw.metadata)) return raw
  const { managedFields: _, ...metadata } = raw.metadata
  return { ...raw, metadata }
}

/**
 * Orders two resourceVersions of one resource. They are decimal integers without leading zeros and comparable,
 * which the API server promises since Kubernetes 1.35; the longer one is greater, which avoids BigInts.
 */
export function compareVersions(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length
  return a < b ? -1 : a > b ? 1 : 0
}
