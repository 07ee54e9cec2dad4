import { JOB_UID_LABEL } from '../../api/names.ts'
import { type Pod, pods } from '../../api/pod.ts'
import { runnerJobs } from '../../api/runner-job.ts'
import { jobKeyOf } from '../../cluster/caches.ts'
import { splitKey } from '../../kube/client/resource-path.ts'
import type { ReconcileContext, Result } from '../../kube/controller/controller.ts'
import type { ReconcilerDeps } from '../deps.ts'
import { deleteObject, lookUp, releasePod } from '../writes.ts'

/** While the job still exists, its own reconciler stores the outcome; look again in case the cache was behind. */
const LOOK_AGAIN_MS = 5000

/** Lets go of pods whose job no longer exists: nobody is left to store their outcome for. */
export function podReconciler(deps: ReconcilerDeps) {
  const { caches, client } = deps
  return async function reconcilePod(key: string, { signal }: ReconcileContext): Promise<Result> {
    const pod = caches.pods.get(key)
    if (pod === undefined || caches.jobs.get(jobKeyOf(pod) ?? '')?.metadata.uid === uidOf(pod)) return {}
    // The cache says so; only the API server may make us act on an absence.
    if (await jobExists(deps, pod, signal)) return { requeueAfterMs: LOOK_AGAIN_MS }
    await releasePod(client, caches, pod, signal)
    if (pod.metadata.deletionTimestamp === undefined) await deleteObject(client, pods, pod, signal)
    return {}
  }
}

function uidOf(pod: Pod): string | undefined {
  return pod.metadata.labels?.[JOB_UID_LABEL]
}

async function jobExists({ client }: ReconcilerDeps, pod: Pod, signal: AbortSignal): Promise<boolean> {
  const key = jobKeyOf(pod)
  if (key === undefined) return false
  return (await lookUp(client, runnerJobs, splitKey(key), signal))?.metadata.uid === uidOf(pod)
}
