import { keyOf } from '../../api/object.ts'
import type { Pod } from '../../api/pod.ts'
import type { RunnerJob } from '../../api/runner-job.ts'
import type { Runner } from '../../api/runner.ts'
import { isFinished } from '../job/phases.ts'
import { lastPodActs } from '../job/plan.ts'
import { runsOnProxy } from '../job/report.ts'
import { holdsPod, type LogCapture } from '../log/capture.ts'
import type { PodState } from '../pod/state.ts'
import { attemptAt, attemptOf, runnerKey } from '../runner/keys.ts'
import { isPast } from '../runner/plan.ts'
import type { Drift } from './drift.ts'
import { foreignController, missingOf, podRepair } from './pod-repair.ts'
import { runnerRepair } from './runner-repair.ts'

/** The Runner and the pod with the same key, and what they belong to. Each may be missing. */
export interface Place {
  key: string
  /** The job that has the name in the key. */
  job: RunnerJob | undefined
  runner: Runner | undefined
  /** The job that the Runner was created for. */
  jobOfRunner: RunnerJob | undefined
  pod: Pod | undefined
  state: PodState
  /** Whether the pod was created for this very job. */
  isPodOfJob: boolean
  /** How far the log of the pod is stored; absent where logs are not. */
  log: LogCapture | undefined
}

/** The drifts of the objects at a place: what contradicts the others, or lacks what ties it to them. */
export function driftsAt(place: Place): Drift[] {
  return [driftOfRunner(place), driftOfPod(place), driftOfJob(place)].filter((drift) => drift !== undefined)
}

/** The pod's own Runner, if it is there and stays. */
export function runnerOfPod({ job, runner, isPodOfJob }: Place): Runner | undefined {
  const isIts = isPodOfJob && runner?.spec.jobRef?.uid === job?.metadata.uid
  return isIts && runner?.metadata.deletionTimestamp === undefined ? runner : undefined
}

/**
 * The UID of a pod that the cache lacks although its Runner stays. It is gone; or it lost everything that shows whose it
 * is, which only the API server knows.
 */
export function strayPod({ runner, jobOfRunner: job, state }: Place): string | undefined {
  if (runner === undefined || job === undefined || runner.metadata.deletionTimestamp !== undefined) return undefined
  if (state.is !== 'absent' || !isFinished(job) || isPast(runner.spec, job)) return undefined
  return runner.status.podUID ?? job.status.podUID
}

function driftOfRunner({ key, runner, jobOfRunner: job }: Place): Drift | undefined {
  if (runner?.spec.type !== 'Ephemeral' || runner.metadata.deletionTimestamp !== undefined) return undefined
  const drift = { kind: 'runner', key, uid: runner.metadata.uid } as const
  if (job === undefined) return { ...drift, remedy: 'reconcile-runner', message: 'its job is gone' }
  if (isPast(runner.spec, job)) return { ...drift, remedy: 'reconcile-runner', message: 'its attempt is over' }
  if (isGoing(job)) return undefined
  const { labels, ownerReferences } = runnerRepair(runner, job)
  const missing = [...(ownerReferences === undefined ? [] : ['its owner']), ...(labels === undefined ? [] : ['labels'])]
  return missing.length === 0
    ? undefined
    : { ...drift, remedy: 'restore', message: `it lacks ${missing.join(' and ')}` }
}

function driftOfPod(place: Place): Drift | undefined {
  const { key, pod, job, state, isPodOfJob, log } = place
  if (pod === undefined || state.is === 'absent') return undefined
  const drift = { kind: 'pod', key, uid: pod.metadata.uid } as const
  const { isDeleting, hasOutcomeFinalizer: isHeld } = state.facts
  // It waits for its kubelet, or for somebody else's finalizer.
  if (isDeleting && !isHeld) return undefined
  if (job === undefined || !isPodOfJob) return { ...drift, remedy: 'reconcile-pod', message: 'its job is gone' }
  if (attemptAt(key) < attemptOf(job))
    return holdsPod(log) ? undefined : { ...drift, remedy: 'reconcile-pod', message: 'its attempt is over' }
  if (isOver(job) && hasLastActs(place)) return { ...drift, remedy: 'reconcile-job', message: 'its job is over' }
  return isDeleting || isGoing(job) ? undefined : withoutMarks(place, { pod, job }, drift)
}

function isGoing({ metadata }: RunnerJob): boolean {
  return metadata.deletionTimestamp !== undefined
}

function isOver(job: RunnerJob): boolean {
  return isFinished(job) || isGoing(job)
}

/** Whether the pod of a job that is over still has to be stopped or released, once its log is stored. */
function hasLastActs({ state, log }: Place): boolean {
  return !holdsPod(log) && lastPodActs({ pod: state, log }).length > 0
}

function withoutMarks(
  place: Place,
  { pod, job }: { pod: Pod; job: RunnerJob },
  drift: Pick<Drift, 'kind' | 'key' | 'uid'>,
): Drift | undefined {
  const runner = runnerOfPod(place)
  const missing = missingOf(podRepair(pod, { job, runner }))
  if (missing.length > 0) return { ...drift, remedy: 'restore', message: `it lacks ${missing.join(' and ')}` }
  const foreign = runner === undefined ? undefined : foreignController(pod)
  return foreign === undefined ? undefined : { ...drift, remedy: 'none', message: `${foreign} controls it` }
}

/** An unfinished job whose Runner or pod is gone, or has ended. */
function driftOfJob(place: Place): Drift | undefined {
  const { key, job, runner, jobOfRunner, state } = place
  if (job === undefined || key !== runnerKey(job) || isOver(job)) return undefined
  const own = jobOfRunner?.metadata.uid === job.metadata.uid ? runner : undefined
  // It waits for its next attempt, or makes no progress here.
  if (job.status.nextAttemptAt !== undefined || runsOnProxy(job, own, state)) return undefined
  const message = lossOf({ job, runner: own, state })
  if (message === undefined) return undefined
  return { kind: 'job', key: keyOf(job), uid: job.metadata.uid, remedy: 'reconcile-job', message }
}

function lossOf({ job, runner, state }: Pick<Place, 'runner' | 'state'> & { job: RunnerJob }): string | undefined {
  if (runner === undefined) {
    const hasBegun = job.status.runnerRef !== undefined || state.is !== 'absent'
    return hasBegun ? 'its Runner is gone' : undefined
  }
  if (state.is === 'absent') {
    const wasSeen = job.status.podUID ?? runner.status.podUID
    return wasSeen === undefined ? undefined : 'its pod is gone'
  }
  return state.facts.isTerminal ? 'its pod has ended' : undefined
}
