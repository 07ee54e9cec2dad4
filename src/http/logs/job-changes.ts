import { keyOf } from '../../api/object.ts'
import type { RunnerJob } from '../../api/runner-job.ts'
import type { Caches } from '../../cluster/caches.ts'
import { runnerKey } from '../../domain/runner/keys.ts'

/** Resolves at the next change of a job or its pod, with the updated job; undefined if it was deleted. */
export function nextJobChange(caches: Caches, job: RunnerJob, signal: AbortSignal): Promise<RunnerJob | undefined> {
  const key = keyOf(job)
  const changed = new Promise<RunnerJob | undefined>((resolve, reject) => {
    const finish = (): void => {
      stopJobs()
      stopPods()
      signal.removeEventListener('abort', abort)
    }
    const settle = (): void => {
      finish()
      const now = caches.jobs.get(key)
      resolve(now?.metadata.uid === job.metadata.uid ? now : undefined)
    }
    const abort = (): void => {
      finish()
      reject(signal.reason)
    }
    const stopJobs = caches.jobs.onChange((change) => (change.key === key ? settle() : undefined))
    const podKey = runnerKey(job)
    const stopPods = caches.pods.onChange((change) => (change.key === podKey ? settle() : undefined))
    signal.addEventListener('abort', abort, { once: true })
    if (signal.aborted) abort()
  })
  // The caller may not need to wait after all.
  changed.catch(() => undefined)
  return changed
}
