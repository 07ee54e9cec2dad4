import type { RunnerJob } from '../api/runner-job.ts'
import type { Runner, RunnerStatus } from '../api/runner.ts'
import { isFinished } from './job-phases.ts'
import type { PodState } from './pod-state.ts'

/** What a pass over one Runner has to do. */
export interface RunnerPlan {
  status?: RunnerStatus
  act?: 'create-pod'
}

/** Everything that decides about a Runner. `job` and `pod` are those of this very Runner (same UID). */
export interface RunnerView {
  runner: Runner
  job: RunnerJob | undefined
  pod: PodState
}

/**
 * Starting ──pod runs──▶ Busy. Starting ──pod refused for good──▶ Stopping. A Runner whose job is finished is shown as
 * stopping without a write. It makes one pod in its life: none once a pod UID is known, here or in its job.
 */
export function planRunner({ runner, job, pod }: RunnerView): RunnerPlan {
  if (runner.metadata.deletionTimestamp !== undefined || job === undefined) return {}
  if (pod.is === 'running' && runner.status.phase === 'Starting') return { status: busy(runner, pod) }
  if (pod.is !== 'absent' || runner.status.phase !== 'Starting') return {}
  const seen = runner.status.podUID ?? job.status.podUID
  const wanted = !isFinished(job) && !job.spec.cancel && job.metadata.deletionTimestamp === undefined
  return wanted && seen === undefined ? { act: 'create-pod' } : {}
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
