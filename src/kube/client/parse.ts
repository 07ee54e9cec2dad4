import type { KubeObject, Resource } from '../../api/object.ts'
import { Unreachable } from './errors.ts'

/** One page of a list; `continue` is there while more follow. */
export interface ListPage<T> {
  items: T[]
  resourceVersion: string
  continue?: string
}

/** The edge where an answer becomes an object: its identity is checked, the rest is the API server's promise. */
export function parseObject<T extends KubeObject>(resource: Resource<T>, body: unknown): T {
  if (isObject(resource, body)) return body
  throw new Unreachable(`the answer is not a ${resource.kind}`)
}

/** As parseObject, for one page of a list. */
export function parseList<T extends KubeObject>(resource: Resource<T>, body: unknown): ListPage<T> {
  const { items, metadata } = asObject(body)
  const { resourceVersion, continue: next } = asObject(metadata)
  const isItem = (item: unknown): item is T => isObject(resource, item)
  if (!Array.isArray(items) || !items.every(isItem) || typeof resourceVersion !== 'string') {
    throw new Unreachable(`the answer is not a list of ${resource.plural}`)
  }
  return { items, resourceVersion, ...(typeof next === 'string' && next !== '' ? { continue: next } : {}) }
}

/** True for what has a name and a version; that it is of the resource, its path has said. */
export function isObject<T extends KubeObject>(_resource: Resource<T>, value: unknown): value is T {
  const { name, resourceVersion } = asObject(asObject(value)['metadata'])
  return typeof name === 'string' && typeof resourceVersion === 'string'
}

/** The fields of a JSON object; none for anything else. */
export function asObject(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {}
}

/** True for a JSON object, and for an array, whose fields are its elements. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
