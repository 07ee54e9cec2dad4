import { type RunnerJob, runnerJobs } from '../../api/runner-job.ts'
import { NotFound } from '../../kube/client/errors.ts'
import type { FacadeDeps } from '../context.ts'
import { notFound } from '../http-error.ts'

/** The id of a job: a name or a UID. Other texts are the id of no job. */
const ID = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

/** Finds a job by its public id, in the cache or else at the API server; 404 if it does not exist. */
export async function findJob(deps: FacadeDeps, id: string, signal: AbortSignal): Promise<RunnerJob> {
  const { caches, namespace, client } = deps
  if (!ID.test(id)) throw notFound('job')
  const cached = caches.jobs.get(`${namespace}/${id}`) ?? caches.jobs.byIndex('uid', id)[0]
  if (cached !== undefined) return cached
  try {
    const job = await client.get(runnerJobs, { namespace, name: id }, signal)
    caches.jobs.applyOwn(job)
    return job
  } catch (error) {
    throw error instanceof NotFound ? notFound('job') : error
  }
}
