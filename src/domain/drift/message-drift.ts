import {
  API_VERSION,
  JOB_LABEL,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  MESSAGE_LABEL,
  PARTS_ANNOTATION,
} from '../../api/names.ts'
import type { ObjectMeta, OwnerReference } from '../../api/object.ts'
import type { RunnerJob } from '../../api/runner-job.ts'
import type { MessageRef } from '../hand-over/message-parts.ts'
import { type MessagePlan, planMessage } from '../hand-over/message-plan.ts'
import type { PodState } from '../pod/state.ts'
import type { Drift } from './drift.ts'

/** A message, and the job of its name; `pod` is that very job's. `lease` is the metadata of the Lease that holds it. */
export interface MessagePlace {
  /** The cache key of the Lease, which may be missing. */
  key: string
  id: string
  lease: ObjectMeta | undefined
  storedAt: Date
  job: RunnerJob | undefined
  pod: PodState
  now: Date
}

/** The drift of a message: nobody needs it, or its job does and it is not tied to that. */
export function driftOfMessage(place: MessagePlace): Drift | undefined {
  const { key, lease, job } = place
  const { act } = planMessage(place)
  if (lease === undefined) {
    if (!needsMessage(place) || job === undefined) return undefined
    return { kind: 'message', key, uid: job.metadata.uid, remedy: 'restore', message: 'its Lease is missing' }
  }
  if (lease.deletionTimestamp !== undefined) return undefined
  const drift = { kind: 'message', key, uid: lease.uid } as const
  if (act === 'delete') return { ...drift, remedy: 'reconcile-message', message: 'no job needs it' }
  if (job === undefined || !isUntied(lease, job)) return undefined
  return { ...drift, remedy: 'restore', message: 'it lacks its owner or labels' }
}

/** Whether a job cannot start without its message: no pod has copied it, and no proxy runner runs the job. */
export function needsMessage(place: Omit<MessagePlace, 'key' | 'lease'>): boolean {
  const { act }: MessagePlan = planMessage(place)
  const { job } = place
  if (job === undefined || act !== undefined) return false
  const { phase, startedAt, reported } = job.status
  return phase !== 'Running' && startedAt === undefined && reported === undefined
}

/** The metadata of the Lease that holds the message of a job, as it has to be. */
export function messageMarks(
  { labels, annotations, ownerReferences = [] }: Partial<ObjectMeta>,
  { metadata }: RunnerJob,
  { id, parts }: MessageRef,
): Required<Pick<ObjectMeta, 'labels' | 'annotations' | 'ownerReferences'>> {
  const owner: OwnerReference = { apiVersion: API_VERSION, kind: 'RunnerJob', name: metadata.name, uid: metadata.uid }
  const others = ownerReferences.filter(
    ({ kind, apiVersion }) => kind !== owner.kind || apiVersion !== owner.apiVersion,
  )
  return {
    labels: { ...labels, [MANAGED_BY_LABEL]: MANAGED_BY, [JOB_LABEL]: metadata.name, [MESSAGE_LABEL]: id },
    annotations: { ...annotations, [PARTS_ANNOTATION]: String(parts) },
    ownerReferences: [...others, owner],
  }
}

function isUntied({ labels, annotations, ownerReferences = [] }: ObjectMeta, { metadata, spec }: RunnerJob): boolean {
  const isOwned = ownerReferences.some(({ uid }) => uid === metadata.uid)
  const isNamed = labels?.[JOB_LABEL] === metadata.name
  return !isOwned || !isNamed || annotations?.[PARTS_ANNOTATION] !== String(spec.message?.parts)
}
