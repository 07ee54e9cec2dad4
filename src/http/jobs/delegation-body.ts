import { Ajv } from 'ajv'
import { delegationFields, type NewRunnerJobSpec } from '../../api/runner-job.ts'
import type { FromSchema, Schema } from '../../api/schema.ts'
import { badRequest } from '../http-error.ts'
import { describeAjvErrors } from '../input/ajv-errors.ts'

/** Schema of POST /api/jobs/delegate. The ids may be text or numbers; unknown fields are ignored. */
export const delegationBody = {
  type: 'object',
  required: ['jobId', 'runId', 'repository'],
  properties: { ...delegationFields, jobId: textOrNumber('jobId'), runId: textOrNumber('runId') },
} as const

/** An id of GitHub's, as text or as a number that JSON holds exactly. */
export function textOrNumber(field: 'jobId' | 'runId') {
  const number = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const
  return { description: delegationFields[field].description, anyOf: [delegationFields[field], number] } as const
}

type Facts = { [K in keyof typeof delegationFields]?: FromSchema<(typeof delegationFields)[K] & Schema> }
type Body = Omit<Facts, 'jobId' | 'runId' | 'repository'> & {
  jobId: string | number
  runId: string | number
  repository: string
}

// Kubernetes' own keywords mean nothing here; date-time is the only format and is never sent by callers.
const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false })
const isBody = ajv.compile<Body>(delegationBody)

/** Parses a delegation; 400 with every bad field and why. */
export function parseDelegation(body: unknown): NewRunnerJobSpec {
  if (!isBody(body)) throw badRequest(describeAjvErrors(isBody.errors ?? []))
  const known = Object.entries(body).filter(([field]) => Object.hasOwn(delegationFields, field))
  const facts: Omit<Body, 'jobId' | 'runId' | 'repository'> = Object.fromEntries(known)
  return { ...facts, repository: body.repository, jobId: String(body.jobId), runId: String(body.runId) }
}
