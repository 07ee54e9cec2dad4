import type { KubeObject, Resource } from '../api/object.ts'
import { isObject, record } from './parse.ts'

/** One line of a watch. A bookmark's object has nothing but a version; an error's is a Status. */
export type WatchEvent<T extends KubeObject = KubeObject> =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: T }
  | { type: 'BOOKMARK'; resourceVersion: string; endsInitialEvents: boolean }
  | { type: 'ERROR'; status: unknown }

/** A watch said something that is no event. What it hid is unknown, so only a new list helps. */
export class Malformed extends Error {
  override name = 'Malformed'
}

const endOfInitialEvents = 'k8s.io/initial-events-end'

/** One line of a watch as a value. */
export function parseWatchEvent<T extends KubeObject>(resource: Resource<T>, line: string): WatchEvent<T> {
  const { type, object } = record(parseJson(line))
  if (type === 'ERROR') return { type, status: object }
  if (type === 'BOOKMARK') return bookmark(object)
  if ((type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') && isObject(resource, object))
    return { type, object }
  throw new Malformed(`a watch sent what is no event: ${line.slice(0, 100)}`)
}

function bookmark(object: unknown): WatchEvent<never> {
  const { resourceVersion, annotations } = record(record(object)['metadata'])
  if (typeof resourceVersion !== 'string') throw new Malformed('a watch sent a bookmark without a version')
  return { type: 'BOOKMARK', resourceVersion, endsInitialEvents: record(annotations)[endOfInitialEvents] === 'true' }
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch (error) {
    throw new Malformed('a watch sent a line that is not JSON', { cause: error })
  }
}
