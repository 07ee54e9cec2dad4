import type { RunnerJob } from '../api/runner-job.ts'
import type { Runner, RunnerPhase } from '../api/runner.ts'
import { isFinished } from './job-phases.ts'

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
