import { hash as hashOf } from 'node:crypto'
import { delegationFields, type NewRunnerJobSpec } from '../../api/runner-job.ts'
import type { JobScope } from '../../domain/job/ownership.ts'
import { badRequest } from '../http-error.ts'

/** Identity of a delegation. */
export interface DelegationKey {
  /** The same for every call of the same delegation. */
  key: string
  /** What it was in a version that named callers in it which may use only their own jobs. */
  earlierKey?: string
  /** Hash of the facts that must also match; absent if the key covers them. */
  body?: string
}

/** A delegation with its caller and its Idempotency-Key, if any. */
export interface Delegation {
  spec: NewRunnerJobSpec
  user: string
  /** The jobs that the caller may use. */
  scope: JobScope
  idempotencyKey: string | undefined
}

const KEY = /^[\x21-\x7e]{1,255}$/

/** Schema of the header, for the OpenAPI document. */
export const idempotencyKey = {
  type: 'string',
  description: 'Names this delegation: a repeat by the same caller with the same key gets the same job.',
  pattern: KEY.source,
} as const

/** Parses the header Idempotency-Key; 400 unless it is 1 to 255 visible ASCII characters and given once. */
export function parseIdempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined || (typeof header === 'string' && KEY.test(header))) return header
  throw badRequest('Idempotency-Key must be 1 to 255 ASCII characters without spaces, given once')
}

/**
 * The key of a delegation. Without an Idempotency-Key, five facts identify it, whoever sends them and whatever rights they
 * have. With an Idempotency-Key, the caller and that key identify it, and all facts must match those of the first call.
 * GitHub ignores the case of repositories.
 */
export function keyOfDelegation({ spec, user, idempotencyKey: givenKey }: Omit<Delegation, 'scope'>): DelegationKey {
  const { runId, runAttempt, jobId, runnerName } = spec
  const repository = spec.repository.toLowerCase()
  if (givenKey === undefined) {
    const five = [repository, runId, runAttempt ?? null, jobId, runnerName ?? null]
    return { key: hash(five), earlierKey: hash([...five, user]) }
  }
  const facts = new Map<string, unknown>(Object.entries({ ...spec, repository }))
  return {
    key: hash(['Idempotency-Key', user, givenKey]),
    body: hash(Object.keys(delegationFields).map((field) => facts.get(field) ?? null)),
  }
}

/** JSON of lists of different lengths never collides, so an Idempotency-Key cannot be crafted to look like facts. */
function hash(values: readonly unknown[]): string {
  return hashOf('sha256', JSON.stringify(values))
}
