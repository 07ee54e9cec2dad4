import type { KubeObject, Resource } from '../../api/object.ts'
import type { Drift } from '../../domain/drift/drift.ts'
import type { EventRecorder } from '../../kube/events/recorder.ts'
import type { ReconcilerDeps } from '../deps.ts'
import type { LostMessages } from '../message/lost-messages.ts'
import type { Kind } from '../queue-keys.ts'

/** A drift that the API server confirms. */
export interface Found {
  drift: Drift
  /** The object that an Event is about. */
  about: { resource: Resource; object: KubeObject }
  heal: (signal: AbortSignal) => Promise<void>
}

/** What the audit needs besides what reconcilers have. */
export interface AuditDeps extends Pick<ReconcilerDeps, 'caches' | 'client' | 'clock' | 'logs' | 'log'> {
  recorder: Pick<EventRecorder, 'record'>
  lostMessages: Pick<LostMessages, 'add'>
  /** Reconciles an object. */
  wake: (kind: Kind, key: string) => void
  /** Whether an object waits for its turn to be reconciled. */
  isQueued: (kind: Kind, key: string) => boolean
}
