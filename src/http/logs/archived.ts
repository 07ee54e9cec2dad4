import type { RunnerJob } from '../../api/runner-job.ts'
import { ArchivedLog } from '../../archive/reader.ts'
import type { Attempt } from '../../archive/store.ts'
import { abortable, linkedAbortController } from '../../kube/runtime/signals.ts'
import type { FacadeDeps } from '../context.ts'
import { logCaptured } from '../../domain/log/capture.ts'
import { isPastAttempt } from '../../domain/log/attempt.ts'
import { nextJobChange } from './job-changes.ts'

/** How long a follower waits for the archive after a pod has vanished. */
const ARCHIVE_MS = 10_000

/** The archived log of a job whose pod is known; undefined if there is none, or not yet to its end. */
export async function openArchived(
  { archive }: Pick<FacadeDeps, 'archive'>,
  job: RunnerJob,
  signal: AbortSignal,
): Promise<ArchivedLog | undefined> {
  const attempt = attemptOf(job)
  if (archive === undefined || attempt === undefined) return undefined
  return ArchivedLog.open(archive, attempt, signal)
}

/** As `openArchived`, after a pod has vanished: the leader may still be storing its log. */
export async function awaitArchived(
  deps: FacadeDeps,
  job: RunnerJob,
  signal: AbortSignal,
): Promise<ArchivedLog | undefined> {
  if (deps.archive === undefined) return undefined
  const limited = linkedAbortController(signal)
  const cancel = deps.clock.setTimer(() => limited.abort(new Error('the log was not archived in time')), ARCHIVE_MS)
  try {
    let latest: RunnerJob | undefined = job
    while (latest !== undefined) {
      const changed = nextJobChange(deps.caches, latest, limited.signal)
      const log = await openArchived(deps, latest, limited.signal)
      if (log !== undefined || isSettled(latest)) return log
      const now: RunnerJob | undefined = await abortable(changed, limited.signal)
      // What is known of an earlier attempt does not change.
      if (!isPastAttempt(latest, now)) latest = now
    }
    return undefined
  } catch (error) {
    if (signal.aborted || !limited.signal.aborted) throw error
    return undefined
  } finally {
    cancel()
    limited.release()
  }
}

/** Whether the status says that the archive has the log. */
export function isCaptured(job: RunnerJob): boolean {
  return logCaptured(job)?.status === 'True'
}

/** Whether the status says what became of the log, or that there was none. */
function isSettled(job: RunnerJob): boolean {
  const { status } = job
  return logCaptured(job) !== undefined || (status.completedAt !== undefined && status.podUID === undefined)
}

function attemptOf({ metadata, status }: RunnerJob): Attempt | undefined {
  const { namespace = '', name, uid } = metadata
  return status.podUID === undefined ? undefined : { namespace, jobName: name, jobUid: uid, podUid: status.podUID }
}
