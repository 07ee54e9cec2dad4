import type { ValidateFunction } from 'ajv'
import { type JobState, jobStates, phaseOf } from '../../api/job-state.ts'
import { keyOf } from '../../api/object.ts'
import { type RunnerJob, runnerJobs, runnerJobStatus } from '../../api/runner-job.ts'
import { runnerOf } from '../../cluster/caches.ts'
import { planReport, type Report } from '../../domain/job/report.ts'
import { Conflict, NotFound } from '../../kube/client/errors.ts'
import { splitKey } from '../../kube/client/resource-path.ts'
import { BLANK_TEXT } from '../input/blank-text.ts'
import type { FacadeDeps } from '../context.ts'
import { badRequest, HttpError, notFound } from '../http-error.ts'
import { ajv } from '../input/ajv.ts'
import { describeAjvErrors } from '../input/ajv-errors.ts'
import { given, orNull } from '../input/optional-field.ts'
import { textOrNumber } from './delegation-body.ts'
import { stateOf } from './views.ts'

const { runnerId, containerId } = runnerJobStatus.properties.reported.properties

/** Schema of PATCH /api/jobs/:id/status. Unknown fields are ignored. */
export const statusBody = {
  type: 'object',
  required: ['status'],
  properties: {
    status: { type: 'string', enum: jobStates },
    runnerId: orNull(runnerId),
    containerId: orNull(containerId),
  },
} as const

/** Schema of POST /api/jobs/:id/proxy-complete. */
export const completeBody = {
  type: 'object',
  required: ['status'],
  properties: {
    status: { type: 'string', enum: ['completed', 'failed', 'cancelled'] },
    runId: optionalId('runId'),
    jobId: optionalId('jobId'),
  },
} as const

interface StatusBody {
  status: JobState
  runnerId?: string | null
  containerId?: string | null
}

interface CompleteBody {
  status: JobState
  runId?: string | number | null
  jobId?: string | number | null
}

/** An id that must match the job's if it is given. */
function optionalId(field: 'jobId' | 'runId') {
  const { description, anyOf } = textOrNumber(field)
  const absent = { type: ['string', 'null'], pattern: BLANK_TEXT } as const
  return { description, anyOf: [...anyOf, absent] } as const
}

const isStatusBody = ajv.compile<StatusBody>(statusBody)
const isCompleteBody = ajv.compile<CompleteBody>(completeBody)

/** Parses a status report; 400 names every invalid field and the reason. */
export function parseStatusReport(body: unknown): Report {
  const { status, ...ids } = valid(isStatusBody, body)
  const runner = given(ids.runnerId)
  const container = given(ids.containerId)
  return {
    phase: phaseOf(status),
    ...(runner !== undefined && { runnerId: runner }),
    ...(container !== undefined && { containerId: container }),
  }
}

/** A report that ends a job, and the ids that must match the job's. */
export interface Completion {
  report: Report
  runId?: string
  jobId?: string
}

/** Parses a completion; 400 names every invalid field and the reason. */
export function parseCompletion(body: unknown): Completion {
  const { status, ...ids } = valid(isCompleteBody, body)
  const runId = given(ids.runId)
  const jobId = given(ids.jobId)
  return {
    report: { phase: phaseOf(status), isCompletion: true },
    ...(runId !== undefined && { runId: String(runId) }),
    ...(jobId !== undefined && { jobId: String(jobId) }),
  }
}

function valid<T>(validate: ValidateFunction<T>, body: unknown): T {
  if (validate(body)) return body
  throw badRequest(describeAjvErrors(validate.errors ?? []))
}

/** Each attempt loses to another writer of the same job's status. */
const MAX_ATTEMPTS = 10

/** Applies a report to a job and returns the updated job. 409 names the state that the report contradicts. */
export async function report(
  deps: FacadeDeps,
  found: RunnerJob,
  wanted: Report,
  signal: AbortSignal,
): Promise<RunnerJob> {
  let job = found
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const plan = planReport(job, runnerOf(deps.caches, job), wanted, deps.clock.now())
    if (plan.is === 'known') return job
    // The cache may be behind, so a report is rejected only after a read from the API server.
    if (plan.is === 'refused' && attempt > 0) throw contradiction(deps, job, wanted)
    const written = plan.is === 'write' ? await write(deps, { ...job, status: plan.status }, signal) : undefined
    if (written !== undefined) return written
    job = await reread(deps, job, signal)
  }
  throw new HttpError(503, 'Busy', 'the job is being changed by other requests, try again', { 'Retry-After': '1' })
}

/** Writes the status and returns the job; undefined after a conflict. */
async function write(deps: FacadeDeps, job: RunnerJob, signal: AbortSignal): Promise<RunnerJob | undefined> {
  try {
    const written = await deps.client.replaceStatus(runnerJobs, job, signal)
    deps.caches.jobs.applyOwn(written)
    return written
  } catch (error) {
    if (error instanceof Conflict) return undefined
    throw error instanceof NotFound ? notFound('job') : error
  }
}

function contradiction({ caches }: FacadeDeps, job: RunnerJob, { phase }: Report): HttpError {
  const message = `the job is ${stateOf(caches, job)} and cannot become ${phase.toLowerCase()}`
  return new HttpError(409, 'IllegalTransition', message)
}

async function reread({ client, caches }: FacadeDeps, job: RunnerJob, signal: AbortSignal): Promise<RunnerJob> {
  try {
    const fresh = await client.get(runnerJobs, splitKey(keyOf(job)), signal)
    caches.jobs.applyOwn(fresh)
    // Another job may have its name by now.
    if (fresh.metadata.uid === job.metadata.uid) return fresh
  } catch (error) {
    throw error instanceof NotFound ? notFound('job') : error
  }
  throw notFound('job')
}
