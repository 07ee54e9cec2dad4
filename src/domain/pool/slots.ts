import type { RunnerJob } from '../../api/runner-job.ts'
import type { Runner } from '../../api/runner.ts'
import { isFinished } from '../job/phases.ts'
import { runsOnProxy } from '../job/report.ts'
import type { PodState } from '../pod/state.ts'
import { isPast } from '../runner/plan.ts'

/**
 * Whether a Runner occupies a slot of its pool: from its creation until its pod is terminal or gone. A finished job's
 * pod occupies its slot until it has stopped. A job that finished before its pod was created occupies none, nor does a
 * job that a proxy runner runs.
 */
export function occupiesSlot(runner: Runner | undefined, job: RunnerJob | undefined, pod: PodState): boolean {
  if (pod.is !== 'absent') return !pod.facts.isTerminal
  if (runner === undefined || job === undefined || isFinished(job)) return false
  if (runsOnProxy(job, runner, pod) || isPast(runner.spec, job)) return false
  return runner.status.phase === 'Starting' && runner.status.podUID === undefined
}
