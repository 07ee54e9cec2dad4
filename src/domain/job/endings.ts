import type { JobPhase, RunnerJob } from '../../api/runner-job.ts'
import type { Runner } from '../../api/runner.ts'
import type { Ender } from '../pod/kubelet-ends.ts'
import type { Exit, PodState } from '../pod/state.ts'
import { stageLimitOf } from './deadline.ts'
import type { Move } from './status.ts'
import type { JobView } from './view.ts'

/** How the pod ended, if it did. */
export function outcomeOf({ pod, now, endedBy }: JobView): Move | undefined {
  if (pod.is === 'exited') {
    const { code: exitCode, result, finishedAt } = pod.exit
    const { reason, message } = endedBy === undefined || result !== undefined ? pod.exit : afterEnder(endedBy, pod.exit)
    const facts = { ...(result !== undefined && { result }), ...(finishedAt !== undefined && { finishedAt }) }
    return { phase: phaseOf(reason), reason, message, exitCode, ...facts }
  }
  if (pod.is === 'lost') return { phase: 'Failed', reason: pod.reason, message: pod.message }
  if (pod.is === 'ending' && pod.giveUpAt <= now) {
    return { phase: 'Failed', reason: pod.reason, message: 'the pod was deleted, and no kubelet reported its exit' }
  }
  return undefined
}

function phaseOf(reason: Exit['reason']): JobPhase {
  if (reason === 'Succeeded') return 'Completed'
  return reason === 'CancelRequested' ? 'Cancelled' : 'Failed'
}

/**
 * Whether a hook or a probe may have ended the job's container. A container runs once its hook has succeeded. A probe
 * ended it only if nothing else explains its end: a kubelet that stops the pod for another reason says the same of it.
 */
export function mayHaveEnded(
  ender: Ender,
  { exit, facts }: PodState & { is: 'exited' },
  { status }: RunnerJob,
): boolean {
  if (ender === 'postStart hook') return status.phase !== 'Running'
  return ['Succeeded', 'ExitCode'].includes(exit.reason) && facts.expiring !== true && exit.result === undefined
}

/** The container's own exit code only shows how it handled the signal. */
function afterEnder(ender: Ender, { message }: Exit): Pick<Exit, 'reason' | 'message'> {
  const reason = ender === 'postStart hook' ? 'HookFailed' : 'ProbeFailed'
  return { reason, message: `the ${ender} of the job's container failed (${message})` }
}

/** A Runner or pod that existed and is gone is a loss: the job never silently runs a second time. */
export function lossOf({ job, runner, pod }: JobView): Move | undefined {
  const begun = job.status.runnerRef !== undefined || pod.is !== 'absent'
  if (runner === undefined || runner.metadata.deletionTimestamp !== undefined) {
    return begun ? { phase: 'Failed', reason: 'PodDeleted', message: 'its Runner was deleted' } : undefined
  }
  if (pod.is !== 'absent') return undefined
  if (runner.status.phase === 'Stopping') return refusalOf(runner)
  const seen = job.status.podUID ?? runner.status.podUID
  return seen === undefined ? undefined : { phase: 'Failed', reason: 'PodDeleted', message: 'its pod is gone' }
}

/** Why the Runner could not make its pod. */
function refusalOf({ status }: Runner): Move {
  const reason = status.reason === 'AdmissionDenied' ? status.reason : 'InvalidPod'
  return { phase: 'Failed', reason, message: status.message ?? 'the pod was refused' }
}

/** Time left for the current stage of the job. */
export function leftMsOf(view: JobView): number {
  return stageLimitOf(view).endsMs - view.now.getTime()
}

const verbs = { queue: 'waited in the queue', start: 'waited for its pod', run: 'ran' } as const

/** The move of a job whose stage took too long. */
export function timeout(view: JobView): Move {
  const { stage, source, seconds } = stageLimitOf(view)
  const limit = `the job ${verbs[stage]} longer than ${source} (${seconds} s)`
  return { phase: 'Failed', reason: 'JobTimeout', message: stage === 'run' ? limit : withLastWait(limit, view.job) }
}

/** Adds the last waiting reason, since that is what somebody can fix. */
function withLastWait(limit: string, { status: { reason, message } }: RunnerJob): string {
  if (reason === undefined || reason === 'RunnerStarting') return limit
  return `${limit}; ${reason}: ${message ?? ''}`
}
