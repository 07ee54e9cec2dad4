import { keyOf } from '../../api/object.ts'
import { type RunnerJob, runnerJobs } from '../../api/runner-job.ts'
import { isFinished } from '../../domain/job/phases.ts'
import { Conflict, NotFound } from '../../kube/client/errors.ts'
import { splitKey } from '../../kube/client/resource-path.ts'
import type { FacadeDeps } from '../context.ts'
import { HttpError, notFound } from '../http-error.ts'
import { stateOf } from './views.ts'

/**
 * Requests that a job is cancelled, as `spec.cancel` by kubectl does; the job as it is then. A repeated request changes
 * nothing. 409 where the job has ended in another way.
 */
export async function cancelJob(deps: FacadeDeps, job: RunnerJob, signal: AbortSignal): Promise<RunnerJob> {
  const requested = isFinished(job) || job.spec.cancel ? job : await request(deps, job, signal)
  if (!isFinished(requested) || requested.status.phase === 'Cancelled') return requested
  throw new HttpError(409, 'IllegalTransition', `the job is ${stateOf(deps.caches, requested)} and cannot be cancelled`)
}

async function request({ client, caches }: FacadeDeps, job: RunnerJob, signal: AbortSignal): Promise<RunnerJob> {
  const patch = { metadata: { uid: job.metadata.uid }, spec: { cancel: true } }
  try {
    const written = await client.patchMerge(runnerJobs, splitKey(keyOf(job)), patch, signal)
    caches.jobs.applyOwn(written)
    return written
  } catch (error) {
    // Another job may have its name by now.
    throw error instanceof NotFound || error instanceof Conflict ? notFound('job') : error
  }
}
