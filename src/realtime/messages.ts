import { REPOSITORY_PATTERN } from '../api/fields.ts'
import type { JobDeletion, JobEvent } from './job-events.ts'
import type { JobFacts } from './job-facts.ts'

/** A message to a client: event, payload, and both as a frame of the raw protocol. */
export interface Message {
  event: string
  payload: unknown
  /** `{"event", "data"}` as JSON in UTF-8, encoded for the first client and cached for the others. */
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

/** A job event with exactly the three documented fields. */
export function plainMessage({ event, jobId, repository, status }: JobEvent): Message {
  return messageOf(event, { jobId, repository, status })
}

/** A job event with the fields that the object form of subscribe adds. */
export function detailedMessage(event: JobEvent): Message {
  return messageOf(event.event, detailsOf(event))
}

/** The fields of a job event in its detailed form, which snapshots have as well. */
export function detailsOf({ event: _event, owner: _owner, ...details }: JobEvent | JobDeletion): object {
  return details
}

/** A job event, or a deletion, with the facts of the job. */
export function factualMessage(event: JobEvent | JobDeletion, facts: JobFacts): Message {
  return messageOf(event.event, { ...detailsOf(event), ...facts })
}

/** A subscription to the jobs of one repository, or of all. */
export interface Subscription {
  /** A repository's name, or '*' for all. */
  repository: string
  /**
   * Payloads carry `sequence`, `reason`, from the second attempt on `attempt`, the `queuePosition` of a waiting job, and, at
   * the end of a job that a runner ran, `result`.
   */
  detailed: boolean
  /** Payloads also carry the facts of the job; its deletion is sent too. */
  facts: boolean
  /** The current state of every job is sent first. */
  snapshot: boolean
}

/** A client sent an invalid message. The error message is for the client. */
export class BadMessage extends Error {
  override name = 'BadMessage'
}

const pattern = new RegExp(REPOSITORY_PATTERN, 'u')

function repositoryOf(value: unknown): string {
  if (typeof value === 'string' && value.length <= 140 && pattern.test(value)) return value
  throw new BadMessage('repository must be owner/repo')
}

/** Parses the data of subscribe:repository: a name, or `{repository, snapshot, facts}`, or `{all: true, snapshot, facts}`. */
export function parseSubscription(data: unknown): Subscription {
  if (typeof data !== 'object' || data === null) {
    return { repository: repositoryOf(data), detailed: false, facts: false, snapshot: false }
  }
  const { repository, all, snapshot, facts } = Object.fromEntries(Object.entries(data))
  if (snapshot !== undefined && typeof snapshot !== 'boolean') throw new BadMessage('snapshot must be true or false')
  if (facts !== undefined && typeof facts !== 'boolean') throw new BadMessage('facts must be true or false')
  const whose = all === true && repository === undefined ? '*' : repositoryOf(repository)
  return { repository: whose, detailed: true, facts: facts === true, snapshot: snapshot === true }
}

/** Parses the data of unsubscribe:repository, in the same forms. */
export function parseUnsubscription(data: unknown): string {
  return parseSubscription(data).repository
}
