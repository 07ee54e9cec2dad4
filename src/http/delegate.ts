import { createHash } from 'node:crypto'
import { API_VERSION, DELEGATION_KEY_ANNOTATION } from '../api/names.ts'
import type { NewObject } from '../api/object.ts'
import { type NewRunnerJobSpec, type RunnerJob, runnerJobDefaults, runnerJobs } from '../api/runner-job.ts'
import { isFinished } from '../domain/job-phases.ts'
import { delegatedAt } from '../domain/job-status.ts'
import { AlreadyExists, NotFound } from '../kube/errors.ts'
import type { FacadeParts } from './parts.ts'
import { uuidOf } from './uuid.ts'

export interface Delegated {
  job: RunnerJob
  /** It existed before this call. */
  replayed: boolean
}

/** Each turn either ends or meets one more job that others created in this very moment. */
const MOST_TURNS = 20

/**
 * Makes the RunnerJob of a delegation, or finds the one that an earlier, identical call made. The name is derived from
 * the delegation's key and its newest job so far: of any number of concurrent calls, on any replica, one creates it.
 */
export async function delegate(parts: FacadeParts, spec: NewRunnerJobSpec, signal: AbortSignal): Promise<Delegated> {
  const key = keyOfDelegation(spec)
  let newest = newestOf(parts.caches.jobs.byIndex('delegation', key))
  for (let turn = 0; turn < MOST_TURNS; turn++) {
    if (newest !== undefined && isSame(parts, newest)) return { job: newest, replayed: true }
    const name = uuidOf(`${key}/${newest?.metadata.uid ?? ''}`)
    try {
      const job = await parts.client.create(runnerJobs, newJob(parts, name, key, spec), signal)
      parts.caches.jobs.applyOwn(job)
      return { job, replayed: false }
    } catch (error) {
      if (!(error instanceof AlreadyExists)) throw error
      newest = (await find(parts, name, signal)) ?? newest
    }
  }
  throw new Error('too many concurrent delegations of the same job')
}

/** The natural key: these five together are one delegation. */
function keyOfDelegation({ repository, runId, runAttempt, jobId, runnerName }: NewRunnerJobSpec): string {
  const facts = JSON.stringify([repository, runId, runAttempt ?? null, jobId, runnerName ?? null])
  return createHash('sha256').update(facts).digest('hex')
}

function newestOf(jobs: readonly RunnerJob[]): RunnerJob | undefined {
  return jobs.reduce<RunnerJob | undefined>(
    (newest, job) => (newest === undefined || delegatedAt(job) > delegatedAt(newest) ? job : newest),
    undefined,
  )
}

/** Whether a repeated delegation means this job: it is not over, or began only a moment ago. */
function isSame({ clock, idempotencyWindowMs }: FacadeParts, job: RunnerJob): boolean {
  if (job.metadata.deletionTimestamp !== undefined) return false
  return !isFinished(job) || clock.now().getTime() - Date.parse(delegatedAt(job)) < idempotencyWindowMs
}

async function find(parts: FacadeParts, name: string, signal: AbortSignal): Promise<RunnerJob | undefined> {
  try {
    const job = await parts.client.get(runnerJobs, { namespace: parts.namespace, name }, signal)
    parts.caches.jobs.applyOwn(job)
    return job
  } catch (error) {
    if (error instanceof NotFound) return undefined
    throw error
  }
}

function newJob(parts: FacadeParts, name: string, key: string, spec: NewRunnerJobSpec): NewObject<RunnerJob> {
  return {
    apiVersion: API_VERSION,
    kind: 'RunnerJob',
    metadata: { name, namespace: parts.namespace, annotations: { [DELEGATION_KEY_ANNOTATION]: key } },
    spec: { ...runnerJobDefaults, ...spec, delegatedAt: parts.clock.now().toISOString() },
  }
}
