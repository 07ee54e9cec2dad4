import type { RunnerJob } from '../../api/runner-job.ts'
import type { Runner } from '../../api/runner.ts'
import { isFinished } from '../job/phases.ts'
import { runsOnProxy } from '../job/report.ts'
import type { PodState } from '../pod/state.ts'

/**
 * Whether a Runner takes up one of its pool's places: from its creation until its pod is over or gone. A finished
 * job's pod holds its place until it has stopped; a job that finished before its pod was made holds none, nor one
 * that somebody else has taken over.
 */
export function occupiesSlot(runner: Runner | undefined, job: RunnerJob | undefined, pod: PodState): boolean {
  if (pod.is !== 'absent') return !pod.facts.isTerminal
  if (runner === undefined || job === undefined || isFinished(job)) return false
  if (runsOnProxy(job, runner, pod)) return false
  return runner.status.phase === 'Starting' && runner.status.podUID === undefined
}
