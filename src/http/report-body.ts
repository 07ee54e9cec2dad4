import { Ajv, type ValidateFunction } from 'ajv'
import { delegationFields } from '../api/runner-job.ts'
import type { Report } from '../domain/report.ts'
import { textOrNumber } from './delegation-body.ts'
import { explain } from './explain.ts'
import { badRequest } from './http-error.ts'
import { type JobState, jobStates, phaseOf } from './job-states.ts'

const id = { type: 'string', minLength: 1, maxLength: 253, pattern: delegationFields.jobId.pattern } as const

/** Schema of PATCH /api/jobs/:id/status. Unknown fields are ignored. */
export const statusBody = {
  type: 'object',
  required: ['status'],
  properties: { status: { type: 'string', enum: jobStates }, runnerId: id, containerId: id },
} as const

/** Schema of POST /api/jobs/:id/proxy-complete. */
export const completeBody = {
  type: 'object',
  required: ['status'],
  properties: {
    status: { type: 'string', enum: ['completed', 'failed', 'cancelled'] },
    runId: textOrNumber('runId'),
    jobId: textOrNumber('jobId'),
  },
} as const

interface StatusBody {
  status: JobState
  runnerId?: string
  containerId?: string
}

interface CompleteBody {
  status: JobState
  runId?: string | number
  jobId?: string | number
}

const ajv = new Ajv({ strict: false, allErrors: true })
const isStatusBody = ajv.compile<StatusBody>(statusBody)
const isCompleteBody = ajv.compile<CompleteBody>(completeBody)

/** Parses a status report; 400 with every bad field and why. */
export function parseStatusReport(body: unknown): Report {
  const { status, runnerId, containerId } = valid(isStatusBody, body)
  return {
    phase: phaseOf(status),
    ...(runnerId !== undefined && { runnerId }),
    ...(containerId !== undefined && { containerId }),
  }
}

/** A report that ends a job, and the ids that must be the job's. */
export interface Completion {
  report: Report
  runId?: string
  jobId?: string
}

/** Parses a completion; 400 with every bad field and why. */
export function parseCompletion(body: unknown): Completion {
  const { status, runId, jobId } = valid(isCompleteBody, body)
  return {
    report: { phase: phaseOf(status) },
    ...(runId !== undefined && { runId: String(runId) }),
    ...(jobId !== undefined && { jobId: String(jobId) }),
  }
}

function valid<T>(validate: ValidateFunction<T>, body: unknown): T {
  if (validate(body)) return body
  throw badRequest(explain(validate.errors ?? []))
}
