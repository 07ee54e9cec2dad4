import { keyOf } from '../../api/object.ts'
import type { RunnerJob } from '../../api/runner-job.ts'

/** Names derive from the owner, so that a repeated create conflicts with the first. One attempt per job, so far. */
export function runnerName(job: RunnerJob): string {
  return `${job.metadata.name}-1`
}

/** The cache key of a job's Runner and pod. */
export function runnerKey(job: RunnerJob): string {
  return runnerKeyAt(keyOf(job))
}

/** The cache key of the Runner and pod of the job with this key. */
export function runnerKeyAt(jobKey: string): string {
  return `${jobKey}-1`
}

/** The cache key of the job whose Runner and pod have this key. */
export function jobKeyAt(key: string): string {
  return key.replace(/-\d+$/, '')
}
