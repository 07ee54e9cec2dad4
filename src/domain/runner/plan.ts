import { controllerUid } from '../../api/object.ts'
import type { RunnerJob } from '../../api/runner-job.ts'
import type { Runner, RunnerPhase, RunnerStatus } from '../../api/runner.ts'
import { isFinished } from '../job/phases.ts'
import { runsOnProxy } from '../job/report.ts'
import type { PodState } from '../pod/state.ts'
import { attemptOf } from './keys.ts'

/**
 * The phase to show of an ephemeral Runner with its job. It is stopping as soon as its job has finished, and busy as
 * soon as its job runs: neither waits for a write. An unknown job is not in the cache yet, or is gone.
 */
export function shownRunnerPhase({ metadata, spec, status }: Runner, job: RunnerJob | undefined): RunnerPhase {
  if (metadata.deletionTimestamp !== undefined) return 'Stopping'
  if (job === undefined) return status.phase === 'Starting' ? 'Starting' : 'Stopping'
  if (isFinished(job) || isPast(spec, job)) return 'Stopping'
  return status.phase === 'Starting' && job.status.phase === 'Running' ? 'Busy' : status.phase
}

/** Whether the job has got past this Runner's attempt. */
export function isPast({ attempt }: Runner['spec'], job: RunnerJob): boolean {
  return attempt < attemptOf(job)
}

/** What one reconcile of a Runner has to do. */
export interface RunnerPlan {
  status?: RunnerStatus
  act?: 'create-pod' | 'delete-runner'
  /** Reconcile again after this time, in milliseconds. */
  requeueAfterMs?: number
}

/** Everything that decides about a Runner. `job` and `pod` are those of this very Runner (same UID). */
export interface RunnerView {
  runner: Runner
  job: RunnerJob | undefined
  pod: PodState
  /** How long a pod that has not started is kept after a proxy runner reported that it runs the job. */
  startTroubleMs: number
  now: Date
}

/**
 * Starting ──pod runs──▶ Busy. Starting ──pod refused for good──▶ Stopping. A Runner whose job has finished is shown as
 * stopping without a write. It creates at most one pod: none once its status or its job's has a pod UID. It is deleted
 * when a proxy runner runs its job, when the job's next attempt is due, and when its job is gone and does not own it.
 */
export function planRunner(view: RunnerView): RunnerPlan {
  const { runner, job, pod } = view
  if (runner.metadata.deletionTimestamp !== undefined) return {}
  // While its job owns it, the garbage collector deletes it.
  if (job === undefined) return isOwnedByJob(runner) ? {} : { act: 'delete-runner' }
  if (isPast(runner.spec, job)) return { act: 'delete-runner' }
  if (!isFinished(job) && runsOnProxy(job, runner, pod)) return withdrawal(view)
  if (pod.is === 'running' && runner.status.phase === 'Starting') return { status: busy(runner, pod) }
  return pod.is === 'absent' && wantsPod(runner, job) ? { act: 'create-pod' } : {}
}

function isOwnedByJob(runner: Runner): boolean {
  const owner = controllerUid(runner)
  return owner !== undefined && owner === runner.spec.jobRef?.uid
}

function wantsPod(runner: Runner, job: RunnerJob): boolean {
  const podUid = runner.status.podUID ?? job.status.podUID
  if (podUid !== undefined || runner.status.phase !== 'Starting') return false
  return !isFinished(job) && !job.spec.cancel && job.metadata.deletionTimestamp === undefined
}

/** An existing pod may have just started, and its job may have sent the report before the kubelet updated the status. */
function withdrawal({ job, pod, startTroubleMs, now }: RunnerView): RunnerPlan {
  const reportedMs = Date.parse(job?.status.reported?.at ?? '')
  const leftMs = pod.is === 'absent' ? 0 : reportedMs + startTroubleMs - now.getTime()
  return leftMs > 0 ? { requeueAfterMs: leftMs } : { act: 'delete-runner' }
}

function busy(runner: Runner, { facts }: PodState & { is: 'running' }): RunnerStatus {
  const { reason: _reason, message: _message, ...rest } = runner.status
  return {
    ...rest,
    phase: 'Busy',
    reason: 'Running',
    podName: facts.name,
    podUID: facts.uid,
    ...(facts.containerId !== undefined && { containerId: facts.containerId }),
    ...(facts.nodeName !== undefined && { nodeName: facts.nodeName }),
  }
}
