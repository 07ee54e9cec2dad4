import { isDeepStrictEqual } from 'node:util'
import { isOwnPod, type Pod, pods } from '../../api/pod.ts'
import { type RunnerJob, runnerJobs, type RunnerJobStatus } from '../../api/runner-job.ts'
import { type Runner, runners } from '../../api/runner.ts'
import { podOf, runnerOf } from '../../cluster/caches.ts'
import { type JobAct, type JobPlan, type JobView, planJob } from '../../domain/job/plan.ts'
import { podState } from '../../domain/pod/state.ts'
import { runnerKey } from '../../domain/runner/names.ts'
import { newRunner } from '../../domain/runner/new-runner.ts'
import { splitKey } from '../../kube/client/resource-path.ts'
import type { ReconcileContext, Result } from '../../kube/controller/controller.ts'
import type { ReconcilerDeps } from '../deps.ts'
import type { Scheduler } from '../pool/scheduler.ts'
import { createOnce, deleteObject, lookUp, releasePod, writeStatus } from '../writes.ts'
import { recordPhaseChange } from './phase-events.ts'
import { WaitingSince } from './waiting-since.ts'

/** A waiting state is written only when it has lasted this long: most pass sooner, and a write costs as much as a pod. */
const TRANSIENT_MS = 1000

const DEFAULT_FINISHED_POD_TTL_MS = 600_000

/** Reconciles one RunnerJob: reads the caches, plans, writes the status, acts. */
export function jobReconciler(deps: ReconcilerDeps, scheduler: Scheduler) {
  const waitingSince = new WaitingSince(deps.clock)
  return async function reconcileJob(key: string, context: ReconcileContext): Promise<Result> {
    const job = deps.caches.jobs.get(key)
    if (job === undefined) {
      waitingSince.forget(key)
      return {}
    }
    const seen = { runner: runnerOf(deps.caches, job), pod: podOf(deps.caches, job) }
    const { place, plan } = await planFrom(deps, scheduler, { key, job, place: seen }, context.signal)
    const { status } = plan
    if (status === undefined || !isNews(job.status, plan)) waitingSince.forget(key)
    else {
      const patienceMs = plan.patienceMs ?? TRANSIENT_MS
      const leftMs =
        plan.isTransient === true ? patienceMs - waitingSince.ageMs(key, `${status.phase} ${status.reason}`) : 0
      if (leftMs > 0) return { requeueAfterMs: Math.min(leftMs, plan.requeueAfterMs ?? leftMs) }
      if (context.lane === 'urgent' && deps.isBusy()) return { deferred: true }
      const written = await writeStatus(
        { ...deps, store: deps.caches.jobs, resource: runnerJobs },
        { ...job, status },
        context.signal,
      )
      recordPhaseChange(deps.recorder, job, written)
    }
    for (const act of plan.acts) await performAct(act, { deps, scheduler, key, job, place }, context.signal)
    return plan.requeueAfterMs === undefined ? {} : { requeueAfterMs: plan.requeueAfterMs }
  }
}

/** The Runner and the pod of a job. */
interface Place {
  runner: Runner | undefined
  pod: Pod | undefined
}

interface Seen {
  key: string
  job: RunnerJob
  place: Place
}

/**
 * Plans from the caches. Before an absence becomes an outcome the API server is asked: the caches of Runners and pods
 * are not in step, and a list may have lacked what is there. Where it is there after all, it is planned with, so that
 * the job can still be cancelled and still meets its deadline, and it is looked at again soon: no event may come of it.
 */
async function planFrom(
  deps: ReconcilerDeps,
  scheduler: Scheduler,
  seen: Seen,
  signal: AbortSignal,
): Promise<{ place: Place; plan: JobPlan }> {
  const plan = planJob(viewOf(deps, scheduler, seen))
  if (plan.status?.reason !== 'PodDeleted' || !isNews(seen.job.status, plan)) return { place: seen.place, plan }
  const place = await livePlace(deps, seen, signal)
  if (place === undefined) return { place: seen.place, plan }
  const live = planJob(viewOf(deps, scheduler, { ...seen, place }))
  return { place, plan: { ...live, requeueAfterMs: Math.min(live.requeueAfterMs ?? TRANSIENT_MS, TRANSIENT_MS) } }
}

function viewOf({ caches, settings, clock }: ReconcilerDeps, scheduler: Scheduler, { key, job, place }: Seen): JobView {
  const { runner, pod } = place
  const pool = caches.pools.get(`${job.metadata.namespace ?? ''}/${runner?.spec.poolName ?? ''}`)
  return {
    job,
    runner,
    pod: podState(pod),
    admission: scheduler.admissionOf(key),
    finishedPodTtlMs: pool === undefined ? DEFAULT_FINISHED_POD_TTL_MS : pool.spec.finishedPodTTLSeconds * 1000,
    startTroubleMs: settings.startTroubleMs,
    now: clock.now(),
  }
}

/** Whether the planned status says something new. In a waiting state, details of the place are no news. */
function isNews(was: RunnerJobStatus, { status, isTransient: mayPass }: JobPlan): boolean {
  if (status === undefined) return false
  if (mayPass !== true) return !isDeepStrictEqual(status, was)
  return status.phase !== was.phase || status.reason !== was.reason || status.message !== was.message
}

/** The place as the API server has it; undefined where the caches lack nothing of it. */
async function livePlace(deps: ReconcilerDeps, { job, place }: Seen, signal: AbortSignal): Promise<Place | undefined> {
  const { is } = podState(place.pod)
  const needsRunner = place.runner === undefined && is !== 'exited' && is !== 'lost'
  const runner = needsRunner ? await liveRunner(deps, job, signal) : place.runner
  const pod = place.pod ?? (await livePod(deps, job, signal))
  return runner === place.runner && pod === place.pod ? undefined : { runner, pod }
}

/** Offers what it finds to the cache; the Runner, if it is that of this very job and stays. */
async function liveRunner(
  { client, caches }: ReconcilerDeps,
  job: RunnerJob,
  signal: AbortSignal,
): Promise<Place['runner']> {
  const found = await lookUp(client, runners, splitKey(runnerKey(job)), signal)
  if (found === undefined) return undefined
  caches.runners.applyOwn(found)
  const stays = found.metadata.deletionTimestamp === undefined
  return stays && found.spec.jobRef?.uid === job.metadata.uid ? found : undefined
}

/** Offers what it finds to the cache; the pod, if it is that of this very job and still ours. */
async function livePod({ client, caches }: ReconcilerDeps, job: RunnerJob, signal: AbortSignal): Promise<Place['pod']> {
  const found = await lookUp(client, pods, splitKey(runnerKey(job)), signal)
  if (found === undefined) return undefined
  caches.pods.applyOwn(found)
  return isOwnPod(found) && caches.podRunners.isPodOf(found, job) ? found : undefined
}

interface JobPass {
  deps: ReconcilerDeps
  scheduler: Scheduler
  key: string
  job: RunnerJob
  place: Place
}

async function performAct(act: JobAct, context: JobPass, signal: AbortSignal): Promise<void> {
  const { deps, job, place } = context
  const { client, caches } = deps
  const pod = podOf(caches, job) ?? place.pod
  const runner = runnerOf(caches, job) ?? place.runner
  switch (act) {
    case 'create-runner':
      return createRunner(context, signal)
    case 'stop-pod':
      return pod === undefined ? undefined : deleteObject(client, pods, pod, signal)
    case 'release-pod':
      return pod === undefined ? undefined : releasePod(client, caches, pod, signal)
    case 'delete-runner':
      return runner === undefined ? undefined : deleteObject(client, runners, runner, signal)
    case 'delete-job':
      if (caches.totals.counts(job)) return deleteObject(client, runnerJobs, job, signal)
      return deps.pendingDeletions.add(job)
    default:
      return act satisfies never
  }
}

async function createRunner({ deps, scheduler, key, job }: JobPass, signal: AbortSignal): Promise<void> {
  const pool = scheduler.poolOf(key)
  // The pool went between two lines; its change wakes the job again.
  if (pool === undefined) return
  const kind = { client: deps.client, store: deps.caches.runners, resource: runners }
  await createOnce(kind, newRunner(job, pool), ({ spec }) => spec.jobRef?.uid === job.metadata.uid, signal)
}
