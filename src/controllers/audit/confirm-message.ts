import { keyOf } from '../../api/object.ts'
import { type RunnerJob, runnerJobs } from '../../api/runner-job.ts'
import { driftOfMessage, needsMessage } from '../../domain/drift/message-drift.ts'
import { splitKey } from '../../kube/client/resource-path.ts'
import { type Lease, leases } from '../../kube/election/lease.ts'
import { deleteSecrets } from '../message/reconcile.ts'
import type { AuditDeps, Found } from './found.ts'
import { hasSecrets, liveMessageAt, type MessageAt, restoreLease } from './messages.ts'

/** The drift of a message, if the API server shows it too. */
export async function confirmMessage(
  deps: AuditDeps,
  message: MessageAt,
  signal: AbortSignal,
): Promise<Found | undefined> {
  const { place, lease } = await liveMessageAt(deps, message, signal)
  const drift = driftOfMessage(place)
  const about = aboutOf(lease, place.job)
  if (drift === undefined || about === undefined) return undefined
  const heal = async (healing: AbortSignal): Promise<void> => {
    if (drift.remedy === 'reconcile-message') return deps.wake('message', message.key)
    if (place.job !== undefined) await restore(deps, lease, place.job, healing)
  }
  return { drift, about, heal }
}

/** The drift of a message that lacks Secrets although its job needs them. The Secrets are looked for first. */
export async function confirmSecrets(
  deps: AuditDeps,
  message: MessageAt,
  signal: AbortSignal,
): Promise<Found | undefined> {
  const job = deps.caches.jobs.get(message.jobKey)
  if (job?.spec.message === undefined || (await hasSecrets(deps, job, job.spec.message, signal))) return undefined
  const { place, lease } = await liveMessageAt(deps, message, signal)
  const about = aboutOf(lease, place.job)
  if (about === undefined || lease === undefined || !needsMessage(place)) return undefined
  const { key } = message
  const drift = { kind: 'message', key, uid: lease.metadata.uid, remedy: 'reconcile-job' } as const
  return {
    drift: { ...drift, message: 'a Secret of it is missing' },
    about,
    heal: async () => lose(deps, job),
  }
}

/** Secrets are only known by their Lease. Without one of them the message is lost. */
async function restore(deps: AuditDeps, lease: Lease | undefined, job: RunnerJob, signal: AbortSignal): Promise<void> {
  const { message } = job.spec
  if (message === undefined) return
  if (lease !== undefined || (await hasSecrets(deps, job, message, signal)))
    return restoreLease(deps, { lease, job, message }, signal)
  await deleteSecrets(deps.client, splitKey(keyOf(job)), message, signal)
  lose(deps, job)
}

function lose({ lostMessages, wake }: AuditDeps, job: RunnerJob): void {
  lostMessages.add(job)
  wake('job', keyOf(job))
}

function aboutOf(lease: Lease | undefined, job: RunnerJob | undefined): Found['about'] | undefined {
  if (job !== undefined) return { resource: runnerJobs, object: job }
  return lease && { resource: leases, object: lease }
}
