import { keyOf } from '../../api/object.ts'
import { type Pod, pods } from '../../api/pod.ts'
import { runnerJobs } from '../../api/runner-job.ts'
import { jobOf } from '../../cluster/caches.ts'
import { attemptAt, attemptOf, jobKeyAt } from '../../domain/runner/keys.ts'
import { holdsPod } from '../../domain/log/capture.ts'
import { lostLabels } from '../../domain/runner/desired-pod.ts'
import { Conflict, NotFound } from '../../kube/client/errors.ts'
import { splitKey } from '../../kube/client/resource-path.ts'
import type { ReconcileContext, Result } from '../../kube/controller/controller.ts'
import type { ReconcilerDeps } from '../deps.ts'
import { deleteObject, releasePod } from '../writes.ts'

/** While the job exists, its own reconciler stores the outcome; requeue in case the cache was behind. */
const LOOK_AGAIN_MS = 5000

/**
 * Releases pods that no job needs: it no longer exists, or it has recorded the attempt and is tried again. Restores lost labels of the other pods, once: a
 * policy may remove them again.
 */
export function podReconciler(deps: ReconcilerDeps) {
  const { caches } = deps
  const labelled = new Map<string, string>() // key -> UID
  return async function reconcilePod(key: string, { signal }: ReconcileContext): Promise<Result> {
    const pod = caches.pods.get(key)
    const job = caches.jobs.get(jobKeyAt(key))
    if (labelled.get(key) !== pod?.metadata.uid) labelled.delete(key)
    if (pod === undefined) return {}
    if (job !== undefined && caches.podRunners.isPodOf(pod, job)) {
      if (attemptAt(key) < attemptOf(job)) return endPast(deps, pod, signal)
      if (labelled.has(key) || !needsLabels(deps, pod)) return {}
      labelled.set(key, pod.metadata.uid)
      await label(deps, pod, signal)
      return {}
    }
    // The job is absent from the cache; confirm that at the API server before acting.
    if (await jobExists(deps, pod, signal)) return { requeueAfterMs: LOOK_AGAIN_MS }
    return end(deps, pod, signal)
  }
}

/** The pod of an earlier attempt stays until its log is stored; that wakes it again. */
async function endPast(deps: ReconcilerDeps, pod: Pod, signal: AbortSignal): Promise<Result> {
  if (!holdsPod(deps.logs?.of(pod))) return end(deps, pod, signal)
  if (pod.metadata.deletionTimestamp === undefined) await deleteObject(deps.client, pods, pod, signal)
  return { requeueAfterMs: LOOK_AGAIN_MS }
}

async function end({ client, caches }: ReconcilerDeps, pod: Pod, signal: AbortSignal): Promise<Result> {
  await releasePod(client, caches, pod, signal)
  if (pod.metadata.deletionTimestamp === undefined) await deleteObject(client, pods, pod, signal)
  return {}
}

/** Whether a pod that is not being deleted lacks labels. */
export function needsLabels({ caches }: Pick<ReconcilerDeps, 'caches'>, pod: Pod): boolean {
  const runner = caches.podRunners.of(pod)
  if (runner === undefined || pod.metadata.deletionTimestamp !== undefined) return false
  return Object.keys(lostLabels(pod, runner, jobOf(caches, runner))).length > 0
}

async function label({ caches, client }: ReconcilerDeps, pod: Pod, signal: AbortSignal): Promise<void> {
  const runner = caches.podRunners.of(pod)
  if (runner === undefined) return
  const metadata = { uid: pod.metadata.uid, labels: lostLabels(pod, runner, jobOf(caches, runner)) }
  try {
    caches.pods.applyOwn(await client.patchMerge(pods, splitKey(keyOf(pod)), { metadata }, signal))
  } catch (error) {
    if (!(error instanceof NotFound || error instanceof Conflict)) throw error
  }
}

async function jobExists({ client, caches }: ReconcilerDeps, pod: Pod, signal: AbortSignal): Promise<boolean> {
  const job = await client.find(runnerJobs, splitKey(jobKeyAt(keyOf(pod))), signal)
  return job !== undefined && caches.podRunners.isPodOf(pod, job)
}
