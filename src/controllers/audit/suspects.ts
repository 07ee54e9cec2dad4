import { keyOf } from '../../api/object.ts'
import { isMessageLease } from '../../cluster/caches.ts'
import type { Drift } from '../../domain/drift/drift.ts'
import { driftOfMessage } from '../../domain/drift/message-drift.ts'
import { driftsAt, strayPod } from '../../domain/drift/place-drift.ts'
import { isFinished } from '../../domain/job/phases.ts'
import { jobKeyAt, runnerKey } from '../../domain/runner/keys.ts'
import { EventLoopYield } from '../../kube/runtime/event-loop-yield.ts'
import type { ReconcilerDeps } from '../deps.ts'
import type { Kind } from '../queue-keys.ts'
import { messageAt, type MessageAt, messageOfJob, messageOfLease } from './messages.ts'
import { placeAt } from './places.ts'

/** What may be a drift, according to the caches. */
export interface Suspect {
  drift: Drift
  /** Where to look again. */
  at: { is: 'place'; key: string } | { is: 'message'; message: MessageAt }
}

type Deps = Pick<ReconcilerDeps, 'caches' | 'client' | 'clock' | 'logs'>

/** Compares all cached objects with each other, in slices. `gone` has UIDs of pods that are known to be gone. */
export async function suspects(deps: Deps, gone: { get: (uid: string) => true | undefined }): Promise<Suspect[]> {
  const { caches } = deps
  const turns = new EventLoopYield()
  const found: Suspect[] = []
  const lookAt = (key: string): void => void found.push(...suspectsAt(deps, key, gone))
  for (const runner of caches.runners.list()) {
    if (runner.spec.type === 'Ephemeral') lookAt(keyOf(runner))
    await turns.maybeYield()
  }
  for (const pod of caches.pods.list()) {
    const key = keyOf(pod)
    if (caches.runners.get(key) === undefined) lookAt(key)
    await turns.maybeYield()
  }
  for (const job of caches.jobs.list()) {
    if (!isFinished(job)) {
      const key = runnerKey(job)
      if (caches.runners.get(key) === undefined && caches.pods.get(key) === undefined) lookAt(key)
      found.push(...suspectsOf(deps, messageOfJob(job)))
    }
    await turns.maybeYield()
  }
  for (const lease of caches.leases.list()) {
    const message = isMessageLease(lease) ? messageOfLease(lease) : undefined
    found.push(...suspectsOf(deps, message))
    await turns.maybeYield()
  }
  return [...new Map(found.map((suspect) => [idOf(suspect.drift), suspect])).values()]
}

/** Whether the caches still show it. */
export function isStill(deps: Deps, { drift, at }: Suspect): boolean {
  const now = at.is === 'place' ? suspectsAt(deps, at.key, { get: () => undefined }) : suspectsOf(deps, at.message)
  return now.some((suspect) => idOf(suspect.drift) === idOf(drift))
}

/** What is reconciled to heal it; undefined if the audit itself does that. */
export function reconciledFor({ drift: { remedy }, at }: Suspect): { kind: Kind; key: string } | undefined {
  const { key } = at.is === 'place' ? at : at.message
  switch (remedy) {
    case 'reconcile-job':
      return { kind: 'job', key: at.is === 'place' ? jobKeyAt(key) : at.message.jobKey }
    case 'reconcile-runner':
      return { kind: 'runner', key }
    case 'reconcile-pod':
      return { kind: 'pod', key }
    case 'reconcile-message':
      return { kind: 'message', key }
    case 'restore':
    case 'delete':
    case 'none':
      return undefined
    default:
      return remedy satisfies never
  }
}

/** Identifies a drift from one look to the next. */
export function idOf({ kind, key, uid, remedy }: Drift): string {
  return [kind, key, uid, remedy].join(' ')
}

function suspectsAt(deps: Deps, key: string, gone: { get: (uid: string) => true | undefined }): Suspect[] {
  const place = placeAt(deps, key)
  const stray = strayPod(place)
  const drifts: Drift[] = driftsAt(place)
  if (stray !== undefined && gone.get(stray) === undefined)
    drifts.push({ kind: 'pod', key, uid: stray, remedy: 'restore', message: 'it lacks what shows whose it is' })
  return drifts.map((drift) => ({ drift, at: { is: 'place', key } }))
}

function suspectsOf(deps: Deps, message: MessageAt | undefined): Suspect[] {
  const drift = message && driftOfMessage(messageAt(deps, message))
  return message === undefined || drift === undefined ? [] : [{ drift, at: { is: 'message', message } }]
}
