import type { KubeObject, Resource } from '../../api/object.ts'
import { Unreachable } from './errors.ts'

/** One page of a list; `continue` is set while more pages follow. */
export interface ListPage<T> {
  items: T[]
  resourceVersion: string
  continue?: string
}

/** Parses a response into an object: checks its identity, and trusts the API server for the rest. */
export function parseObject<T extends KubeObject>(resource: Resource<T>, body: unknown): T {
  if (isObject(resource, body)) return body
  throw new Unreachable(`the response must be a ${resource.kind}`)
}

/** Like parseObject, for one page of a list. */
export function parseList<T extends KubeObject>(resource: Resource<T>, body: unknown): ListPage<T> {
  const { items, metadata } = asObject(body)
  const { resourceVersion, continue: next } = asObject(metadata)
  const isItem = (item: unknown): item is T => isObject(resource, item)
  if (!Array.isArray(items) || !items.every(isItem) || typeof resourceVersion !== 'string') {
    throw new Unreachable(`the response must be a list of ${resource.plural}`)
  }
  return { items, resourceVersion, ...(typeof next === 'string' && next !== '' ? { continue: next } : {}) }
}

/** Whether the value has a name and a version; the request path already determined its resource. */
export function isObject<T extends KubeObject>(_resource: Resource<T>, value: unknown): value is T {
  const { name, resourceVersion } = asObject(asObject(value)['metadata'])
  return typeof name === 'string' && typeof resourceVersion === 'string'
}

/** The fields of a JSON object; empty for any other value. */
export function asObject(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {}
}

/** Whether the value is a JSON object, or an array, whose fields are its elements. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
