import type { JobPhase, RunnerJob, RunnerJobStatus } from '../../api/runner-job.ts'
import type { Runner } from '../../api/runner.ts'
import type { PodState } from '../pod/state.ts'
import { endsRepeats } from './repeat.ts'
import { isFinal, mayMove, shownPhase } from './phases.ts'
import { statusAfter } from './status.ts'

/** A proxy runner's report on a job. */
export interface Report {
  phase: JobPhase
  runnerId?: string
  containerId?: string
  /** The proxy runner has seen the job end: its next delegation is a new job. */
  isCompletion?: true
}

/** The result of a report: a status to write, nothing new, or a contradiction. */
export type ReportPlan = { is: 'write'; status: RunnerJobStatus } | { is: 'known' } | { is: 'refused' }

/**
 * Reports only move a job forward, by the same table as the controllers, from the phase that the API shows. A repeated
 * report changes nothing.
 */
export function planReport(job: RunnerJob, runner: Runner | undefined, report: Report, now: Date): ReportPlan {
  const current = job.status
  const shown = shownPhase(job, runner)
  if (!mayMove(shown, report.phase)) return { is: 'refused' }
  const isEnd = report.isCompletion === true && endsRepeats(job, now.getTime())
  const isNews = isEnd || (!isFinal(shown) && addsIds(current, report))
  if (shown === report.phase && !isNews) return { is: 'known' }
  const { runnerId, containerId, phase } = report
  const at = now.toISOString()
  const reported = {
    ...current.reported,
    ...(runnerId !== undefined && { runnerId }),
    ...(containerId !== undefined && { containerId }),
    ...(isEnd && { completedAt: at }),
    at,
  }
  if (current.phase === phase) return { is: 'write', status: { ...current, reported } }
  const started =
    phase === 'Running' ? { assignedAt: at, startedAt: at } : phase === 'Assigned' ? { assignedAt: at } : {}
  const move = { phase, reason: 'Reported', message: `reported as ${phase.toLowerCase()}`, ...started } as const
  return { is: 'write', status: { ...statusAfter(job, move, { runner }, now), reported } }
}

function addsIds({ reported }: RunnerJobStatus, { phase, runnerId, containerId }: Report): boolean {
  if (phase === 'Queued') return false
  const isNew = (id: string | undefined, known: string | undefined) => id !== undefined && id !== known
  return isNew(runnerId, reported?.runnerId) || isNew(containerId, reported?.containerId)
}

/**
 * Whether a proxy runner runs the job: it has reported on the job, and none of our pods has started. The job gets no
 * pod any more, and the fate of a pod that did not start does not affect it. `runner` and `pod` belong to this very
 * job.
 */
export function runsOnProxy({ status }: RunnerJob, runner: Runner | undefined, pod: PodState): boolean {
  if (status.reported === undefined || runner?.status.podUID !== undefined) return false
  const runsElsewhere = status.phase === 'Running' && status.reason === 'Reported'
  if (pod.is === 'absent') return runsElsewhere || status.podUID === undefined
  return runsElsewhere && pod.is !== 'running' && pod.facts.startedAt === undefined
}
