import { type RunnerJob, runnerJobs } from '../api/runner-job.ts'
import { keyOf } from '../api/object.ts'
import { runnerOf } from '../cluster/caches.ts'
import { type Report, planReport } from '../domain/report.ts'
import { Conflict, NotFound } from '../kube/errors.ts'
import { splitKey } from '../kube/resource-path.ts'
import { HttpError, notFound } from './http-error.ts'
import type { FacadeParts } from './parts.ts'
import { stateOf } from './views.ts'

/** Each turn loses to another writer of the same job's status. */
const MOST_TURNS = 10

/** Applies a report to a job; the job as it is then. 409 names the state that the report contradicts. */
export async function report(
  parts: FacadeParts,
  found: RunnerJob,
  said: Report,
  signal: AbortSignal,
): Promise<RunnerJob> {
  let job = found
  for (let turn = 0; turn < MOST_TURNS; turn++) {
    const plan = planReport(job, runnerOf(parts.caches, job), said, parts.clock.now())
    if (plan.is === 'known') return job
    // The cache may be behind: only the API server's word contradicts a caller.
    if (plan.is === 'refused' && turn > 0) throw contradiction(parts, job, said)
    const written = plan.is === 'write' ? await write(parts, { ...job, status: plan.status }, signal) : undefined
    if (written !== undefined) return written
    job = await reread(parts, job, signal)
  }
  throw new HttpError(503, 'Busy', 'the job is being changed by others, try again', { 'Retry-After': '1' })
}

/** The job as written; undefined where somebody else was first. */
async function write(parts: FacadeParts, job: RunnerJob, signal: AbortSignal): Promise<RunnerJob | undefined> {
  try {
    const written = await parts.client.replaceStatus(runnerJobs, job, signal)
    parts.caches.jobs.applyOwn(written)
    return written
  } catch (error) {
    if (error instanceof Conflict) return undefined
    throw error instanceof NotFound ? notFound('job') : error
  }
}

function contradiction({ caches }: FacadeParts, job: RunnerJob, { phase }: Report): HttpError {
  const message = `the job is ${stateOf(caches, job)} and cannot become ${phase.toLowerCase()}`
  return new HttpError(409, 'IllegalTransition', message)
}

async function reread({ client, caches }: FacadeParts, job: RunnerJob, signal: AbortSignal): Promise<RunnerJob> {
  try {
    const fresh = await client.get(runnerJobs, splitKey(keyOf(job)), signal)
    caches.jobs.applyOwn(fresh)
    return fresh
  } catch (error) {
    throw error instanceof NotFound ? notFound('job') : error
  }
}
