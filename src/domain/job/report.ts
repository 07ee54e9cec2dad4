import type { JobPhase, RunnerJob, RunnerJobStatus } from '../../api/runner-job.ts'
import type { Runner } from '../../api/runner.ts'
import type { PodState } from '../pod/state.ts'
import { endsRepeats } from './repeat.ts'
import { isFinal, mayMove, shownPhase } from './phases.ts'
import { statusAfter } from './status.ts'

/** What a proxy runner says of a job. */
export interface Report {
  phase: JobPhase
  runnerId?: string
  containerId?: string
  /** The proxy runner says that the job is over for it: what it delegates from now on is a new one. */
  isCompletion?: true
}

/** What a report leads to: a status to write, nothing (it is so already), or a contradiction. */
export type ReportPlan = { is: 'write'; status: RunnerJobStatus } | { is: 'known' } | { is: 'refused' }

/**
 * Reports move a job forward only, by the same table as the controllers, from the phase that callers are shown;
 * repeating one changes nothing.
 */
export function planReport(job: RunnerJob, runner: Runner | undefined, report: Report, now: Date): ReportPlan {
  const was = job.status
  const shown = shownPhase(job, runner)
  if (!mayMove(shown, report.phase)) return { is: 'refused' }
  const isEnd = report.isCompletion === true && endsRepeats(job, now.getTime())
  const isNews = isEnd || (!isFinal(shown) && saysMore(was, report))
  if (shown === report.phase && !isNews) return { is: 'known' }
  const { runnerId, containerId, phase } = report
  const at = now.toISOString()
  const reported = {
    ...was.reported,
    ...(runnerId !== undefined && { runnerId }),
    ...(containerId !== undefined && { containerId }),
    ...(isEnd && { completedAt: at }),
    at,
  }
  if (was.phase === phase) return { is: 'write', status: { ...was, reported } }
  const started =
    phase === 'Running' ? { assignedAt: at, startedAt: at } : phase === 'Assigned' ? { assignedAt: at } : {}
  const move = { phase, reason: 'Reported', message: `reported as ${phase.toLowerCase()}`, ...started } as const
  return { is: 'write', status: { ...statusAfter(job, move, { runner }, now), reported } }
}

function saysMore({ reported }: RunnerJobStatus, { phase, runnerId, containerId }: Report): boolean {
  if (phase === 'Queued') return false
  const news = (said: string | undefined, known: string | undefined) => said !== undefined && said !== known
  return news(runnerId, reported?.runnerId) || news(containerId, reported?.containerId)
}

/**
 * Whether somebody else runs the job: he has reported on it, and no pod of ours has started. It gets no pod any more,
 * and what becomes of one that did not start says nothing about it. `runner` and `pod` are those of this very job.
 */
export function runsOnProxy({ status }: RunnerJob, runner: Runner | undefined, pod: PodState): boolean {
  if (status.reported === undefined || runner?.status.podUID !== undefined) return false
  const runsElsewhere = status.phase === 'Running' && status.reason === 'Reported'
  if (pod.is === 'absent') return runsElsewhere || status.podUID === undefined
  return runsElsewhere && pod.is !== 'running' && pod.facts.startedAt === undefined
}
