import { keyOf } from '../../api/object.ts'
import { MAX_ATTEMPTS } from '../../api/retry.ts'
import type { RunnerJob } from '../../api/runner-job.ts'

/** Number of the job's current attempt, from 1. */
export function attemptOf({ status }: { status: Pick<RunnerJob['status'], 'attempts'> }): number {
  return (status.attempts?.length ?? 0) + 1
}

/** Names derive from the owner and the attempt, so that a repeated create conflicts with the first. */
export function runnerName(job: RunnerJob): string {
  return `${job.metadata.name}-${attemptOf(job)}`
}

/** The cache key of the Runner and pod of the job's current attempt. */
export function runnerKey(job: RunnerJob): string {
  return `${keyOf(job)}-${attemptOf(job)}`
}

/** The cache key of the Runner and pod of the attempt before the current one; undefined for the first. */
export function previousKey(job: RunnerJob): string | undefined {
  const previous = attemptOf(job) - 1
  return previous === 0 ? undefined : `${keyOf(job)}-${previous}`
}

/** The cache keys that Runners and pods of the job with this key may have. */
export function runnerKeysAt(jobKey: string): string[] {
  return Array.from({ length: MAX_ATTEMPTS }, (_, index) => `${jobKey}-${index + 1}`)
}

/** The cache key of the job whose Runner and pod have this key. */
export function jobKeyAt(key: string): string {
  return key.replace(/-\d+$/, '')
}

/** The number of the attempt whose Runner and pod have this key. */
export function attemptAt(key: string): number {
  return Number(/-(\d+)$/.exec(key)?.[1] ?? 1)
}
