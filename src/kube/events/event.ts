import { createHash } from 'node:crypto'
import type { KubeObject, NewObject, Resource } from '../../api/object.ts'
import { microTime } from '../election/lease.ts'

export interface EventSeries {
  count: number
  lastObservedTime: string
}

/** The fields of an events.k8s.io/v1 Event that we read or write. */
export interface KubeEvent extends KubeObject {
  /** Null in Events of the older API, which set deprecatedLastTimestamp. */
  eventTime: string | null
  deprecatedLastTimestamp?: string | null
  type: 'Normal' | 'Warning'
  reason: string
  action: string
  note: string
  regarding: ObjectReference
  reportingController: string
  reportingInstance: string
  series?: EventSeries
}

export interface ObjectReference {
  apiVersion: string
  kind: string
  namespace?: string
  name: string
  uid: string
  resourceVersion: string
  /** The part of the object, for example `spec.containers{runner}`. */
  fieldPath?: string
}

export const events: Resource<KubeEvent> = { group: 'events.k8s.io', version: 'v1', plural: 'events', kind: 'Event' }

/** One occurrence to report about an object. */
export interface Occurrence {
  type: 'Normal' | 'Warning'
  reason: string
  message: string
  action: string
}

/** The limits of the API server, in bytes; names have only one-byte characters. */
const noteBytes = 1024
const wordBytes = 128
const nameLength = 253

/** The Event of the first occurrence of a series, within the limits of the API server. */
export function newEvent(
  { resource, object }: { resource: Resource; object: KubeObject },
  { type, reason, message, action }: Occurrence,
  reporter: { component: string; instance: string },
  at: Date,
): NewObject<KubeEvent> {
  const regarding = referenceTo(resource, object)
  const hash = createHash('sha256').update(
    JSON.stringify([object.metadata.uid, type, reason, message, action, reporter, at.toISOString()]),
  )
  const suffix = `.${hash.digest('hex').slice(0, 16)}`
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: {
      name: regarding.name.slice(0, nameLength - suffix.length) + suffix,
      namespace: regarding.namespace ?? 'default',
    },
    eventTime: microTime(at),
    type,
    reason: cut(reason || 'Unknown', wordBytes),
    action: cut(action || reason || 'Unknown', wordBytes),
    note: cut(message, noteBytes, '…'),
    regarding,
    reportingController: reporter.component,
    reportingInstance: cut(reporter.instance, wordBytes),
  }
}

function referenceTo({ group, version, kind }: Resource, { metadata }: KubeObject): ObjectReference {
  const { namespace, name, uid, resourceVersion } = metadata
  return {
    apiVersion: group === '' ? version : `${group}/${version}`,
    kind,
    ...(namespace !== undefined && { namespace }),
    name,
    uid,
    resourceVersion,
  }
}

/** Truncates a text to this many bytes, never within a character; the ending marks a truncated text. */
function cut(text: string, limit: number, ending = ''): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= limit) return text
  let end = limit - Buffer.byteLength(ending)
  while (isContinuation(bytes[end])) end -= 1
  return bytes.toString('utf8', 0, end) + ending
}

/** Whether a UTF-8 byte is not the first of its character. */
function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80
}
