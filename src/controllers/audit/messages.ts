import { keyOf, type NewObject } from '../../api/object.ts'
import { pods } from '../../api/pod.ts'
import { type RunnerJob, runnerJobs } from '../../api/runner-job.ts'
import { type Secret, secrets } from '../../api/secret.ts'
import { messageJobKey } from '../../cluster/caches.ts'
import { messageMarks, type MessagePlace } from '../../domain/drift/message-drift.ts'
import { messageLeaseName, type MessageRef, partNames } from '../../domain/hand-over/message-parts.ts'
import { ORPHAN_MS } from '../../domain/hand-over/message-plan.ts'
import { runnerKey } from '../../domain/runner/keys.ts'
import { AlreadyExists, ApiError } from '../../kube/client/errors.ts'
import { splitKey } from '../../kube/client/resource-path.ts'
import { type Lease, leases, microTime } from '../../kube/election/lease.ts'
import { MESSAGE_LABEL } from '../../api/names.ts'
import type { ReconcilerDeps } from '../deps.ts'

type MessageDeps = Pick<ReconcilerDeps, 'caches' | 'client' | 'clock'>

/** Where a message is: the key of its Lease, and its job. */
export interface MessageAt {
  key: string
  id: string
  jobKey: string
}

/** The message that a Lease holds. */
export function messageOfLease(lease: Lease): MessageAt | undefined {
  const id = lease.metadata.labels?.[MESSAGE_LABEL]
  const jobKey = messageJobKey(lease)
  return id === undefined || jobKey === undefined ? undefined : { key: keyOf(lease), id, jobKey }
}

/** The message that a job needs to start. */
export function messageOfJob({ metadata, spec }: RunnerJob): MessageAt | undefined {
  const { name, namespace = '' } = metadata
  const id = spec.message?.id
  if (id === undefined) return undefined
  return { key: `${namespace}/${messageLeaseName(name, id)}`, id, jobKey: `${namespace}/${name}` }
}

/** What the caches know of a message. */
export function messageAt({ caches, clock }: MessageDeps, { key, id, jobKey }: MessageAt): MessagePlace {
  const lease = caches.leases.get(key)
  const job = caches.jobs.get(jobKey)
  const pod = caches.podStates.of(job && caches.pods.get(runnerKey(job)))
  return { key, id, lease: lease?.metadata, storedAt: storedAt(lease, job), job, pod, now: clock.now() }
}

/** The same from the API server, with the Lease. */
export async function liveMessageAt(
  { caches, client, clock }: MessageDeps,
  { key, id, jobKey }: MessageAt,
  signal: AbortSignal,
): Promise<{ place: MessagePlace; lease: Lease | undefined }> {
  const lease = await client.find(leases, splitKey(key), signal)
  if (lease !== undefined) caches.leases.applyOwn(lease)
  const job = await client.find(runnerJobs, splitKey(jobKey), signal)
  if (job !== undefined) caches.jobs.applyOwn(job)
  const found = job && (await client.find(pods, splitKey(runnerKey(job)), signal))
  const isIts = job !== undefined && found !== undefined && caches.podRunners.isPodOf(found, job)
  const pod = caches.podStates.of(isIts ? found : undefined)
  return {
    place: { key, id, lease: lease?.metadata, storedAt: storedAt(lease, job), job, pod, now: clock.now() },
    lease,
  }
}

function storedAt(lease: Lease | undefined, job: RunnerJob | undefined): Date {
  return new Date(lease?.spec?.acquireTime ?? (lease ?? job)?.metadata.creationTimestamp ?? 0)
}

/**
 * Whether the API server has every Secret of a message. The operator may not read Secrets: it asks whether it could
 * create them. Any other answer than a clear yes counts as their presence.
 */
export async function hasSecrets(
  { client }: MessageDeps,
  { metadata: { name, namespace = '' } }: RunnerJob,
  message: MessageRef,
  signal: AbortSignal,
): Promise<boolean> {
  for (const part of partNames(name, message)) {
    const secret: NewObject<Secret> = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: part, namespace },
      type: 'runnerhub.dev/message',
    }
    try {
      await client.dryRunCreate(secrets, secret, signal)
      return false
    } catch (error) {
      if (!(error instanceof AlreadyExists || error instanceof ApiError)) throw error
    }
  }
  return true
}

/** Gives a message's Lease back what ties it to its job, or makes it again. Secrets are only known by it. */
export async function restoreLease(
  { client, caches }: MessageDeps,
  { lease, job, message }: { lease: Lease | undefined; job: RunnerJob; message: MessageRef },
  signal: AbortSignal,
): Promise<void> {
  const marks = messageMarks(lease?.metadata ?? {}, job, message)
  if (lease !== undefined) {
    caches.leases.applyOwn(
      await client.replace(leases, { ...lease, metadata: { ...lease.metadata, ...marks } }, signal),
    )
    return
  }
  const { name, namespace = '' } = job.metadata
  const time = microTime(new Date(job.metadata.creationTimestamp))
  const metadata = { name: messageLeaseName(name, message.id), namespace, ...marks }
  const spec = { holderIdentity: name, leaseDurationSeconds: ORPHAN_MS / 1000, acquireTime: time, renewTime: time }
  const made = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec }
  caches.leases.applyOwn(await client.create(leases, made, signal))
}
