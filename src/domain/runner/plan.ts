import { controllerUid } from '../../api/object.ts'
import type { RunnerJob } from '../../api/runner-job.ts'
import type { Runner, RunnerPhase, RunnerStatus } from '../../api/runner.ts'
import { isFinished } from '../job/phases.ts'
import { runsOnProxy } from '../job/report.ts'
import type { PodState } from '../pod/state.ts'

/**
 * The phase to show of an ephemeral Runner, whose own job this is. It is stopping as soon as its job is over, and busy
 * as soon as its job runs: neither waits for a write. A job that is not known has not been seen yet, or is gone.
 */
export function shownRunnerPhase({ metadata, status }: Runner, job: RunnerJob | undefined): RunnerPhase {
  if (metadata.deletionTimestamp !== undefined) return 'Stopping'
  if (job === undefined) return status.phase === 'Starting' ? 'Starting' : 'Stopping'
  if (isFinished(job)) return 'Stopping'
  return status.phase === 'Starting' && job.status.phase === 'Running' ? 'Busy' : status.phase
}

/** What a pass over one Runner has to do. */
export interface RunnerPlan {
  status?: RunnerStatus
  act?: 'create-pod' | 'delete-runner'
  /** Look again after this time, in milliseconds. */
  requeueAfterMs?: number
}

/** Everything that decides about a Runner. `job` and `pod` are those of this very Runner (same UID). */
export interface RunnerView {
  runner: Runner
  job: RunnerJob | undefined
  pod: PodState
  /** How long a pod that has not started is kept for a job that is reported to run. */
  startTroubleMs: number
  now: Date
}

/**
 * Starting ──pod runs──▶ Busy. Starting ──pod refused for good──▶ Stopping. A Runner whose job is finished is shown as
 * stopping without a write. It makes one pod in its life: none once a pod UID is known, here or in its job. It goes
 * when somebody else runs its job, and when it was left behind by one that is gone.
 */
export function planRunner(view: RunnerView): RunnerPlan {
  const { runner, job, pod } = view
  if (runner.metadata.deletionTimestamp !== undefined) return {}
  // While it has an owner, the garbage collector sees to it.
  if (job === undefined) return controllerUid(runner) === undefined ? { act: 'delete-runner' } : {}
  if (!isFinished(job) && runsOnProxy(job, runner, pod)) return withdrawal(view)
  if (pod.is === 'running' && runner.status.phase === 'Starting') return { status: busy(runner, pod) }
  return pod.is === 'absent' && wantsPod(runner, job) ? { act: 'create-pod' } : {}
}

function wantsPod(runner: Runner, job: RunnerJob): boolean {
  const seen = runner.status.podUID ?? job.status.podUID
  if (seen !== undefined || runner.status.phase !== 'Starting') return false
  return !isFinished(job) && !job.spec.cancel && job.metadata.deletionTimestamp === undefined
}

/** A pod that is there may have started just now, and reported itself before its kubelet did. */
function withdrawal({ job, pod, startTroubleMs, now }: RunnerView): RunnerPlan {
  const reportedMs = Date.parse(job?.status.reported?.at ?? '')
  const leftMs = pod.is === 'absent' ? 0 : reportedMs + startTroubleMs - now.getTime()
  return leftMs > 0 ? { requeueAfterMs: leftMs } : { act: 'delete-runner' }
}

function busy(runner: Runner, { facts }: PodState & { is: 'running' }): RunnerStatus {
  const { reason: _reason, message: _message, ...was } = runner.status
  return {
    ...was,
    phase: 'Busy',
    reason: 'Running',
    podName: facts.name,
    podUID: facts.uid,
    ...(facts.containerId !== undefined && { containerId: facts.containerId }),
    ...(facts.nodeName !== undefined && { nodeName: facts.nodeName }),
  }
}
