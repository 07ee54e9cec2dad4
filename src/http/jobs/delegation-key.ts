import { hash as hashOf } from 'node:crypto'
import { delegationFields, type NewRunnerJobSpec } from '../../api/runner-job.ts'
import { badRequest } from '../http-error.ts'

/** What tells one delegation from another. */
export interface DelegationKey {
  /** The same for every call that means the same delegation. */
  key: string
  /** What else has to be the same; absent where the key says it all. */
  body?: string
}

/** Who delegates what, and under which Idempotency-Key if any. */
export interface Delegation {
  spec: NewRunnerJobSpec
  user: string
  idempotencyKey: string | undefined
}

const KEY = /^[\x21-\x7e]{1,255}$/

/** Schema of the header, for the document. */
export const idempotencyKey = {
  type: 'string',
  description: 'Names this delegation: a repeat with the same key, by the same caller, is answered with the same job.',
  pattern: KEY.source,
} as const

/** Parses the header Idempotency-Key; 400 where it is not 1 to 255 visible ASCII characters, or comes twice. */
export function parseIdempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined || (typeof header === 'string' && KEY.test(header))) return header
  throw badRequest('Idempotency-Key must be 1 to 255 ASCII characters without spaces, and be given once')
}

/**
 * The natural key: five facts together are one delegation. A caller who names the delegation decides what is one, among
 * its own alone; the same name must then mean the same facts. GitHub's names of repositories have no case.
 */
export function keyOfDelegation({ spec, user, idempotencyKey: named }: Delegation): DelegationKey {
  const { runId, runAttempt, jobId, runnerName } = spec
  const repository = spec.repository.toLowerCase()
  if (named === undefined) return { key: hash([repository, runId, runAttempt ?? null, jobId, runnerName ?? null]) }
  const facts = new Map<string, unknown>(Object.entries({ ...spec, repository }))
  return {
    key: hash(['Idempotency-Key', user, named]),
    body: hash(Object.keys(delegationFields).map((field) => facts.get(field) ?? null)),
  }
}

/** Lists of different lengths are never the same text, so a name cannot be made to look like facts. */
function hash(deps: readonly unknown[]): string {
  return hashOf('sha256', JSON.stringify(deps))
}
