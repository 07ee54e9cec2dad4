import { MESSAGE_LABEL, PARTS_ANNOTATION } from '../../api/names.ts'
import { type RunnerJob, runnerJobs } from '../../api/runner-job.ts'
import { secrets } from '../../api/secret.ts'
import { messageJobKey, podOf } from '../../cluster/caches.ts'
import { type MessageRef, partNames } from '../../domain/hand-over/message-parts.ts'
import { type MessagePlan, planMessage } from '../../domain/hand-over/message-plan.ts'
import type { KubeClient } from '../../kube/client/client.ts'
import { NotFound } from '../../kube/client/errors.ts'
import { type ObjectKey, splitKey } from '../../kube/client/resource-path.ts'
import type { ReconcileContext, Result } from '../../kube/controller/controller.ts'
import { type Lease, leases } from '../../kube/election/lease.ts'
import type { ReconcilerDeps } from '../deps.ts'
import { deleteObject } from '../writes.ts'

/** Deletes the message of a handed-over job as soon as nothing needs it. Its Secrets are deleted unread. */
export function messageReconciler(deps: ReconcilerDeps) {
  const { caches, client } = deps
  return async function reconcileMessage(key: string, { signal }: ReconcileContext): Promise<Result> {
    const lease = caches.leases.get(key)
    const id = lease?.metadata.labels?.[MESSAGE_LABEL]
    if (lease === undefined || id === undefined) return {}
    const jobKey = messageJobKey(lease) ?? ''
    const known = caches.jobs.get(jobKey)
    let plan = planOf(deps, lease, { id, job: known })
    // Only the API server may make us act on an absence.
    if (plan.act !== undefined && known === undefined) {
      const found = await client.find(runnerJobs, splitKey(jobKey), signal)
      if (found !== undefined) caches.jobs.applyOwn(found)
      plan = planOf(deps, lease, { id, job: found })
    }
    if (plan.act === undefined) return plan.requeueAfterMs === undefined ? {} : { requeueAfterMs: plan.requeueAfterMs }
    await discard(client, lease, { job: splitKey(jobKey).name, id }, signal)
    return {}
  }
}

function planOf(
  { caches, clock }: ReconcilerDeps,
  { metadata, spec }: Lease,
  { id, job }: { id: string; job: RunnerJob | undefined },
): MessagePlan {
  const pod = caches.podStates.of(job && podOf(caches, job))
  return planMessage({
    id,
    job,
    pod,
    storedAt: new Date(spec?.acquireTime ?? metadata.creationTimestamp),
    now: clock.now(),
  })
}

/** The Lease goes last: while it is there, what is left of the message is known. */
async function discard(
  client: KubeClient,
  lease: Lease,
  { job, id }: { job: string; id: string },
  signal: AbortSignal,
): Promise<void> {
  const { namespace = '', annotations } = lease.metadata
  const parts = Number(annotations?.[PARTS_ANNOTATION] ?? 0)
  await deleteSecrets(client, { namespace, name: job }, { id, parts }, signal)
  await deleteObject(client, leases, lease, signal)
}

/** Deletes the Secrets of a job's message, as far as they are there. */
export async function deleteSecrets(
  client: KubeClient,
  { namespace, name: job }: ObjectKey,
  message: MessageRef,
  signal: AbortSignal,
): Promise<void> {
  for (const name of partNames(job, message)) await deleteSecret(client, { namespace, name }, signal)
}

async function deleteSecret(client: KubeClient, key: ObjectKey, signal: AbortSignal): Promise<void> {
  try {
    await client.delete(secrets, key, {}, signal)
  } catch (error) {
    if (!(error instanceof NotFound)) throw error
  }
}
