import { isOwnPod, type Pod, pods } from '../../api/pod.ts'
import { type RunnerJob, runnerJobs } from '../../api/runner-job.ts'
import { type Runner, runners } from '../../api/runner.ts'
import { jobKeyOf } from '../../cluster/caches.ts'
import type { Place } from '../../domain/drift/place-drift.ts'
import { jobKeyAt } from '../../domain/runner/keys.ts'
import { splitKey } from '../../kube/client/resource-path.ts'
import type { ReconcilerDeps } from '../deps.ts'

type PlaceDeps = Pick<ReconcilerDeps, 'caches' | 'client' | 'logs'>

/** What the caches have at the key of a Runner and its pod. */
export function placeAt(deps: PlaceDeps, key: string): Place {
  const { jobs, runners: known, pods: seen } = deps.caches
  const runner = known.get(key)
  const jobOfRunner = jobs.get((runner && jobKeyOf(runner)) ?? '')
  return placeOf(deps, key, { job: jobs.get(jobKeyAt(key)), runner, jobOfRunner, pod: seen.get(key) })
}

/** The same from the API server; the caches get what is newer. */
export async function livePlaceAt(deps: PlaceDeps, key: string, signal: AbortSignal): Promise<Place> {
  const { caches } = deps
  const runner = await found(deps, key, signal)
  const jobKey = jobKeyAt(key)
  const job = await foundJob(deps, jobKey, signal)
  const ownKey = (runner && jobKeyOf(runner)) ?? jobKey
  const jobOfRunner = ownKey === jobKey ? job : await foundJob(deps, ownKey, signal)
  const pod = await deps.client.find(pods, splitKey(key), signal)
  if (pod !== undefined) caches.pods.applyOwn(pod)
  const known = [caches.pods.get(key)?.metadata.uid, runner?.status.podUID, job?.status.podUID]
  const isOurs = pod !== undefined && (isOwnPod(pod) || known.includes(pod.metadata.uid))
  return placeOf(deps, key, { job, runner, jobOfRunner, pod: isOurs ? pod : undefined })
}

async function found({ client, caches }: PlaceDeps, key: string, signal: AbortSignal): Promise<Runner | undefined> {
  const runner = await client.find(runners, splitKey(key), signal)
  if (runner !== undefined) caches.runners.applyOwn(runner)
  return runner
}

async function foundJob(
  { client, caches }: PlaceDeps,
  key: string,
  signal: AbortSignal,
): Promise<RunnerJob | undefined> {
  const job = await client.find(runnerJobs, splitKey(key), signal)
  if (job !== undefined) caches.jobs.applyOwn(job)
  return job
}

interface Objects {
  job: RunnerJob | undefined
  runner: Runner | undefined
  jobOfRunner: RunnerJob | undefined
  pod: Pod | undefined
}

function placeOf({ caches, logs }: PlaceDeps, key: string, { job, runner, jobOfRunner, pod }: Objects): Place {
  return {
    key,
    job,
    runner: runner?.spec.type === 'Ephemeral' ? runner : undefined,
    jobOfRunner: jobOfRunner?.metadata.uid === runner?.spec.jobRef?.uid ? jobOfRunner : undefined,
    pod,
    state: caches.podStates.of(pod),
    isPodOfJob: pod !== undefined && job !== undefined && caches.podRunners.isPodOf(pod, job),
    log: pod && logs?.of(pod),
  }
}
