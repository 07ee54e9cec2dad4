import type { RunnerJob } from '../api/runner-job.ts'
import type { Runner } from '../api/runner.ts'
import type { PodState } from './pod-state.ts'

/**
 * Whether somebody else runs the job: he has reported on it, and no pod of ours has started. It gets no pod any more,
 * and what becomes of one that did not start says nothing about it. `runner` and `pod` are those of this very job.
 */
export function isTakenOver({ status }: RunnerJob, runner: Runner | undefined, pod: PodState): boolean {
  if (status.reported === undefined || runner?.status.podUID !== undefined) return false
  const runsElsewhere = status.phase === 'Running' && status.reason === 'Reported'
  if (pod.is === 'absent') return runsElsewhere || status.podUID === undefined
  return runsElsewhere && pod.is !== 'running' && pod.facts.startedAt === undefined
}
