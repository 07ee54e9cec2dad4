import type { KubeObject, Resource } from '../../api/object.ts'
import { Unreachable } from '../client/errors.ts'
import { isObject, asObject } from '../client/parse.ts'

/** One event of a watch. A bookmark carries only a version; an error carries a Status. */
export type WatchEvent<T extends KubeObject = KubeObject> =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: T }
  | { type: 'BOOKMARK'; resourceVersion: string; endsInitialEvents: boolean }
  | { type: 'ERROR'; status: unknown }

/** A watch sent a malformed event. The change behind it is unknown, so only a new list helps. */
export class MalformedEvent extends Error {
  override name = 'Malformed'
}

const endOfInitialEvents = 'k8s.io/initial-events-end'

/** Parses one line of a watch. */
export function parseWatchEvent<T extends KubeObject>(resource: Resource<T>, line: string): WatchEvent<T> {
  const { type, object } = asObject(parseJson(line))
  if (type === 'ERROR') return { type, status: object }
  if (type === 'BOOKMARK') return bookmark(object)
  if ((type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') && isObject(resource, object))
    return { type, object }
  throw new MalformedEvent(`malformed watch event: ${line.slice(0, 100)}`)
}

function bookmark(object: unknown): WatchEvent<never> {
  const { resourceVersion, annotations } = asObject(asObject(object)['metadata'])
  if (typeof resourceVersion !== 'string')
    throw new MalformedEvent('malformed watch event: a bookmark must have a resourceVersion')
  return { type: 'BOOKMARK', resourceVersion, endsInitialEvents: asObject(annotations)[endOfInitialEvents] === 'true' }
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch (error) {
    throw new MalformedEvent('malformed watch event: must be JSON', { cause: error })
  }
}

const newline = 0x0a

/**
 * Splits a body into lines, however its bytes are chunked. Yields the lines of one chunk together, at least one.
 * Characters are decoded only when their line is complete. A body that ends inside a line was cut off.
 */
export async function* watchLines(
  body: AsyncIterable<Uint8Array>,
  onBytes?: () => void,
): AsyncGenerator<string[], void, undefined> {
  let partial: Uint8Array[] = []
  for await (const chunk of body) {
    onBytes?.()
    const lines: string[] = []
    let from = 0
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, from)) {
      const last = chunk.subarray(from, end)
      const line = textOf(partial.length === 0 ? last : Buffer.concat([...partial, last]))
      partial = []
      from = end + 1
      if (line.trim() !== '') lines.push(line)
    }
    if (from < chunk.length) partial.push(chunk.subarray(from))
    if (lines.length > 0) yield lines
  }
  if (partial.length > 0) throw new Unreachable('the response ended inside a line')
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}
