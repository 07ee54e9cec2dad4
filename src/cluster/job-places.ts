import { keyOf } from '../api/object.ts'
import type { Pod } from '../api/pod.ts'
import type { RunnerJob } from '../api/runner-job.ts'
import type { Runner } from '../api/runner.ts'
import { delegatedAt } from '../domain/job/status.ts'
import { previousKey, runnerKey } from '../domain/runner/keys.ts'
import type { Store } from '../kube/cache/store.ts'
import type { PodRunners } from './pod-runners.ts'

/** The caches of jobs and of where they run. */
export interface PlaceCaches {
  jobs: Store<RunnerJob>
  runners: Store<Runner>
  pods: Store<Pod>
  podRunners: PodRunners
}

type Shown = Pick<PlaceCaches, 'jobs' | 'runners'>

/** The cache key of a Runner's job. */
export function jobKeyOf({ metadata, spec }: Runner): string | undefined {
  return spec.jobRef === undefined ? undefined : `${metadata.namespace ?? ''}/${spec.jobRef.name}`
}

/** Calls back with the key of each existing job, and later of each job whose shown state may have changed. */
export function followShownJobs(caches: Shown, onJob: (key: string) => void): void {
  for (const job of caches.jobs.list()) onJob(keyOf(job))
  caches.jobs.onChange(({ key }) => onJob(key))
  // A job with a Runner is shown as assigned before its status says so.
  caches.runners.onChange(({ old, now }) => {
    const runner = now ?? old
    const key = runner === undefined ? undefined : jobKeyOf(runner)
    if (key !== undefined) onJob(key)
  })
}

/** The Runner of this very job's current attempt, if it is in the cache. */
export function runnerOf(caches: Pick<PlaceCaches, 'runners'>, job: RunnerJob): Runner | undefined {
  const runner = caches.runners.get(runnerKey(job))
  return runner?.spec.jobRef?.uid === job.metadata.uid ? runner : undefined
}

/**
 * When a job got its Runner, also before its status says so. The creation time of a Runner has whole seconds, so that it may
 * be before the delegation, which has milliseconds.
 */
export function assignedAtOf(caches: Pick<PlaceCaches, 'runners'>, job: RunnerJob): string | undefined {
  const assigned = job.status.assignedAt ?? runnerOf(caches, job)?.metadata.creationTimestamp
  if (assigned === undefined) return undefined
  return new Date(Math.max(Date.parse(assigned), Date.parse(delegatedAt(job)))).toISOString()
}

/** The name of the pool that a job was assigned to. */
export function poolOf(caches: Pick<PlaceCaches, 'runners'>, job: RunnerJob): string | undefined {
  return job.status.poolName ?? runnerOf(caches, job)?.spec.poolName
}

type PodPlaces = Pick<PlaceCaches, 'pods' | 'podRunners'>

/** The pod of this very job's current attempt, if it is in the cache. It has the name of the Runner. */
export function podOf(caches: PodPlaces, job: RunnerJob): Pod | undefined {
  return ownPodAt(caches, job, runnerKey(job))
}

/** The pod of the attempt before that, as long as it is in the cache. */
export function previousPodOf(caches: PodPlaces, job: RunnerJob): Pod | undefined {
  const key = previousKey(job)
  return key === undefined ? undefined : ownPodAt(caches, job, key)
}

function ownPodAt(caches: PodPlaces, job: RunnerJob, key: string): Pod | undefined {
  const pod = caches.pods.get(key)
  return pod !== undefined && caches.podRunners.isPodOf(pod, job) ? pod : undefined
}
