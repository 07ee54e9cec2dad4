import type { Caches } from '../cluster/caches.ts'
import type { KubeClient } from '../kube/client/client.ts'
import type { EventRecorder } from '../kube/events/recorder.ts'
import type { Clock } from '../kube/runtime/clock.ts'
import type { Log } from '../kube/runtime/logger.ts'
import type { PodCreates } from './runner/pod-creates.ts'
import type { PodWarnings } from './pod/warnings.ts'
import type { PendingDeletions } from './totals/pending-deletions.ts'

export interface ControllerSettings {
  /** How long trouble that somebody has to mend is waited out before the job fails, in ms. */
  startTroubleMs: number
  /** How often proxy runners say that they are there. */
  heartbeatMs: number
  /** How long a proxy runner that is offline is kept. */
  proxyForgetMs: number
  /** Most proxy runners that are registered. */
  maxProxies: number
}

/** What reconcilers act through. `client` refuses every write after the Lease is lost. */
export interface ReconcilerDeps {
  client: KubeClient
  caches: Caches
  recorder: EventRecorder
  clock: Clock
  log: Log
  settings: ControllerSettings
  /** Whether creates are waiting, to which a status write should yield. */
  isBusy: () => boolean
  /** Finished jobs that are to be deleted, as soon as the ledger counts them. */
  pendingDeletions: PendingDeletions
  /** Lets Runners try to create their pods. */
  podCreates: PodCreates
  /** What Events say of pods that are slow to start. */
  podWarnings: PodWarnings
}
