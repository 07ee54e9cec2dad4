import type { WaitingReason } from '../../api/reasons.ts'
import type { RunnerJob } from '../../api/runner-job.ts'
import type { RunnerPool } from '../../api/runner-pool.ts'
import type { Runner } from '../../api/runner.ts'
import type { LogCapture } from '../log/capture.ts'
import type { Ender } from '../pod/kubelet-ends.ts'
import type { PodState } from '../pod/state.ts'
import type { Waiting } from '../pod/waiting.ts'
import type { RetryView } from './retry-rules.ts'
import type { Whereabouts } from './status.ts'

/** Whether the job may have a Runner now, will have one in a moment, or what it waits for. */
export type Admission =
  | { is: 'admitted' }
  | { is: 'next'; message: string }
  | { is: 'waiting'; reason: WaitingReason; message: string; queuePosition?: number }

/** Everything that decides about a job. `runner` and `pod` were created for this very job (same UID). */
export interface JobView {
  job: RunnerJob
  runner: Runner | undefined
  pod: PodState
  admission: Admission
  /** The pool that the job waits for or runs in; undefined if it has none, or that is gone. */
  pool?: RunnerPool | undefined
  /** How far the pod's log is stored; absent where logs are not. */
  log?: LogCapture | undefined
  /** What keeps the pod from starting according to Events; its status does not show it. */
  warning?: Waiting | undefined
  /** The kubelet ended the job's container because this failed. */
  endedBy?: Ender | undefined
  /** The pod of the attempt before this one, as long as it is there. */
  previous?: PodState | undefined
  /** What decides about a further attempt; absent if there is none, whatever happens. */
  retry?: RetryView | undefined
  /** The message of a handed-over job was deleted. */
  messageLost?: boolean
  /** When the proxy runner that handed the job over counts as lost; absent while it is heard of. */
  proxyLostAt?: Date | undefined
  /** Whether the node of the pod is being drained; undefined where nobody knows. */
  isDraining?: boolean | undefined
  /** Longest time for which the pool keeps a finished job; absent if only the job's own counts. */
  finishedJobTtlMs?: number | undefined
  /** Whether the pool keeps no more finished jobs, and this is one of the oldest. */
  isSurplus?: boolean
  /** How long a finished pod and its Runner are kept. */
  finishedPodTtlMs: number
  /** How long the job waits for somebody to fix what keeps its pod from starting, before it fails. */
  startTroubleMs: number
  now: Date
}

/** The Runner and pod to record in the job's status. */
export function placeOf({ runner, pod }: Pick<JobView, 'runner' | 'pod'>): Whereabouts {
  return { runner, pod: pod.is === 'absent' ? undefined : pod.facts }
}
