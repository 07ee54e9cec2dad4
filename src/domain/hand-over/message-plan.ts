import type { RunnerJob } from '../../api/runner-job.ts'
import { isFinished } from '../job/phases.ts'
import type { PodState } from '../pod/state.ts'

/** What a pass over one message has to do. */
export interface MessagePlan {
  /** Its Secrets and its Lease are needed no more. */
  act?: 'delete'
  /** Look again after this time, in milliseconds. */
  requeueAfterMs?: number
}

/** Everything that decides about a message. `job` is the one of its name, `pod` is that very job's. */
export interface MessageView {
  id: string
  storedAt: Date
  job: RunnerJob | undefined
  pod: PodState
  now: Date
}

/** How long a message may wait for its RunnerJob, which is made right after it: whoever was to make it has died. */
export const ORPHAN_MS = 300_000

/** A message is needed from before its job exists until the pod has it: a running pod has copied it. */
export function planMessage({ id, storedAt, job, pod, now }: MessageView): MessagePlan {
  if (job === undefined) {
    const leftMs = storedAt.getTime() + ORPHAN_MS - now.getTime()
    return leftMs > 0 ? { requeueAfterMs: Math.min(leftMs, ORPHAN_MS) } : { act: 'delete' }
  }
  // Of several attempts at the same time one made the job.
  if (job.spec.message?.id !== id) return { act: 'delete' }
  if (isFinished(job) || job.metadata.deletionTimestamp !== undefined) return { act: 'delete' }
  return hasRun(pod) ? { act: 'delete' } : {}
}

function hasRun(pod: PodState): boolean {
  switch (pod.is) {
    case 'absent':
    case 'waiting':
      return false
    case 'running':
      return true
    case 'exited':
    case 'lost':
      // Another attempt may follow.
      return pod.facts.neverRan !== true
    case 'ending':
      return pod.facts.startedAt !== undefined
    default:
      return pod satisfies never
  }
}
