import type { WaitingReason } from '../../api/reasons.ts'
import type { RunnerJob } from '../../api/runner-job.ts'
import type { Runner } from '../../api/runner.ts'
import type { PodState } from '../pod/state.ts'
import type { Waiting } from '../pod/waiting.ts'
import type { Whereabouts } from './status.ts'

/** Whether the job may have a Runner now, will have one in a moment by itself, or what it waits for. */
export type Admission =
  | { is: 'admitted' }
  | { is: 'next'; message: string }
  | { is: 'waiting'; reason: WaitingReason; message: string }

/** Everything that decides about a job. `runner` and `pod` are those made for this very job (same UID). */
export interface JobView {
  job: RunnerJob
  runner: Runner | undefined
  pod: PodState
  admission: Admission
  /** What Events say that keeps the pod from starting; its status says nothing of it. */
  warning?: Waiting | undefined
  /** The kubelet ended the job's container, because the command failed that follows its start. */
  hookFailed?: boolean
  /** How long a finished pod and its Runner are kept. */
  finishedPodTtlMs: number
  /** How long trouble is waited out that somebody has to mend. */
  startTroubleMs: number
  now: Date
}

/** The place where the job runs, as its status has it. */
export function placeOf({ runner, pod }: JobView): Whereabouts {
  return { runner, pod: pod.is === 'absent' ? undefined : pod.facts }
}
