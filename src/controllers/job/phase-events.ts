import { type RunnerJob, runnerJobs } from '../../api/runner-job.ts'
import { isFinished } from '../../domain/job/phases.ts'
import type { EventRecorder } from '../../kube/events/recorder.ts'

/** Records an Event for an end, and for a waiting state that somebody could unblock; never for ordinary steps. */
export function recordPhaseChange(recorder: Pick<EventRecorder, 'record'>, before: RunnerJob, after: RunnerJob): void {
  const { reason = 'Unknown', message = '', phase } = after.status
  const isUnchanged = reason === before.status.reason && phase === before.status.phase
  if (isUnchanged || (!isFinished(after) && (reason === 'RunnerStarting' || reason === 'Running'))) return
  const isNormal = phase === 'Completed' || phase === 'Cancelled' || reason === 'CancelRequested'
  const type = isNormal ? 'Normal' : 'Warning'
  const action = isFinished(after) ? 'Finish' : phase === 'Running' ? 'Stop' : 'Wait'
  recorder.record({ resource: runnerJobs, object: after }, { type, reason, message, action })
}
