import type { Caches } from '../cluster/caches.ts'
import type { KubeClient } from '../kube/client/client.ts'
import type { EventRecorder } from '../kube/events/recorder.ts'
import type { Clock } from '../kube/runtime/clock.ts'
import type { Log } from '../kube/runtime/logger.ts'
import type { LogCaptures } from './logs/captures.ts'
import type { DrainingNodes } from './node/draining-nodes.ts'
import type { LostMessages } from './message/lost-messages.ts'
import type { PodCreates } from './runner/pod-creates.ts'
import type { PodWarnings } from './pod/warnings.ts'
import type { AgentConfigMaps } from './pool/agent-config-maps.ts'
import type { FinishedJobs } from './pool/finished-jobs.ts'
import type { PendingDeletions } from './totals/pending-deletions.ts'

export interface ControllerSettings {
  /** How long a job waits for somebody to fix what keeps its pod from starting, before it fails, in ms. */
  startTroubleMs: number
  /** Period of the heartbeats of proxy runners. */
  heartbeatMs: number
  /** How long an offline proxy runner is kept. */
  proxyForgetMs: number
  /** Maximum number of registered proxy runners. */
  maxProxies: number
}

/** Dependencies of the reconcilers. `client` rejects every write after the Lease is lost. */
export interface ReconcilerDeps {
  client: KubeClient
  caches: Caches
  recorder: EventRecorder
  clock: Clock
  /** At least 0 and less than 1. */
  random: () => number
  log: Log
  settings: ControllerSettings
  /** The ConfigMaps with the program that pods of mode Worker run. */
  agents: AgentConfigMaps
  /** Since when this process leads. */
  termBeganAt: Date
  /** Whether creates are waiting: a status write should yield to them. */
  isBusy: () => boolean
  /** Finished jobs to be deleted once the ledger counts them. */
  pendingDeletions: PendingDeletions
  /** The finished jobs of each pool. */
  finishedJobs: Pick<FinishedJobs, 'isSurplus'>
  /** How far the logs of pods are stored; absent if logs are not archived. */
  logs?: Pick<LogCaptures, 'of'> | undefined
  /** The jobs whose messages were deleted. */
  lostMessages: Pick<LostMessages, 'has'>
  /** Admits Runners to try to create their pods. */
  podCreates: PodCreates
  /** The nodes that are being drained. */
  drainingNodes: Pick<DrainingNodes, 'isDraining' | 'sight'>
  /** Warning Events of pods that are slow to start. */
  podWarnings: PodWarnings
}
