import { REPOSITORY_PATTERN } from '../api/fields.ts'
import type { JobEvent } from './job-events.ts'

/** What is sent to a client: an event, its payload, and both as a frame of the raw protocol. */
export interface Message {
  event: string
  payload: unknown
  /** `{"event", "data"}` as JSON in UTF-8, made for the first client that takes it and kept for the others. */
  readonly bytes: Buffer
}

export function messageOf(event: string, payload: unknown): Message {
  let bytes: Buffer | undefined
  return {
    event,
    payload,
    get bytes() {
      return (bytes ??= Buffer.from(JSON.stringify({ event, data: payload })))
    },
  }
}

/** A step with exactly the three documented fields. */
export function plainMessage({ event, jobId, repository, status }: JobEvent): Message {
  return messageOf(event, { jobId, repository, status })
}

/** A step with what the object form of subscribe adds. */
export function detailedMessage({ event, ...payload }: JobEvent): Message {
  return messageOf(event, payload)
}

/** What a client asks to be told: one repository's jobs, or all. */
export interface Subscription {
  /** A repository's name, or '*' for all. */
  repository: string
  /** Payloads carry `sequence` and `reason`. */
  detailed: boolean
  /** The present state of every job comes first. */
  snapshot: boolean
}

/** The client sent something that cannot be followed. Its message says why. */
export class BadMessage extends Error {
  override name = 'BadMessage'
}

const pattern = new RegExp(REPOSITORY_PATTERN, 'u')

function repositoryOf(value: unknown): string {
  if (typeof value === 'string' && value.length <= 140 && pattern.test(value)) return value
  throw new BadMessage('repository must be owner/repo')
}

/** Parses the data of subscribe:repository: a name, or `{repository, snapshot}`, or `{all: true, snapshot}`. */
export function parseSubscription(data: unknown): Subscription {
  if (typeof data !== 'object' || data === null) {
    return { repository: repositoryOf(data), detailed: false, snapshot: false }
  }
  const { repository, all, snapshot } = Object.fromEntries(Object.entries(data))
  if (snapshot !== undefined && typeof snapshot !== 'boolean') throw new BadMessage('snapshot must be true or false')
  const whose = all === true && repository === undefined ? '*' : repositoryOf(repository)
  return { repository: whose, detailed: true, snapshot: snapshot === true }
}

/** Parses the data of unsubscribe:repository, in the same forms. */
export function parseUnsubscription(data: unknown): string {
  return parseSubscription(data).repository
}
