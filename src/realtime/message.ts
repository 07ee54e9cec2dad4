import type { Step } from './job-story.ts'

/** What is sent to a client: an event, its payload, and both as a frame of the raw protocol. */
export interface Message {
  event: string
  payload: unknown
  /** `{"event", "data"}` as JSON in UTF-8, made once for all clients. */
  bytes: Buffer
}

export function messageOf(event: string, payload: unknown): Message {
  return { event, payload, bytes: Buffer.from(JSON.stringify({ event, data: payload })) }
}

/** A step with exactly the three documented fields. */
export function plainMessage({ event, jobId, repository, status }: Step): Message {
  return messageOf(event, { jobId, repository, status })
}

/** A step with what the object form of subscribe adds. */
export function detailedMessage({ event, ...payload }: Step): Message {
  return messageOf(event, payload)
}
