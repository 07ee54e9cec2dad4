import { isDeepStrictEqual } from 'node:util'
import { runnerName } from '../../api/names.ts'
import { pods } from '../../api/pod.ts'
import { type RunnerJob, runnerJobs, type RunnerJobStatus } from '../../api/runner-job.ts'
import { runners } from '../../api/runner.ts'
import { podOf, runnerOf } from '../../cluster/caches.ts'
import { isPodOf } from '../../cluster/project-pod.ts'
import { type JobAct, type JobPlan, type JobView, planJob } from '../../domain/job/plan.ts'
import { podState } from '../../domain/pod/state.ts'
import { newRunner } from '../../domain/runner/new-runner.ts'
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
    const view = viewOf(deps, scheduler, key, job)
    const plan = planJob(view)
    const { status } = plan
    if (status === undefined || !isNews(job.status, plan)) waitingSince.forget(key)
    else {
      const patienceMs = plan.patienceMs ?? TRANSIENT_MS
      const leftMs =
        plan.isTransient === true ? patienceMs - waitingSince.ageMs(key, `${status.phase} ${status.reason}`) : 0
      if (leftMs > 0) return { requeueAfterMs: Math.min(leftMs, plan.requeueAfterMs ?? leftMs) }
      if (context.lane === 'urgent' && deps.isBusy()) return { deferred: true }
      if (status.reason === 'PodDeleted' && (await existsUncached(deps, view, context.signal)))
        return { requeueAfterMs: TRANSIENT_MS }
      const written = await writeStatus(
        { ...deps, store: deps.caches.jobs, resource: runnerJobs },
        { ...job, status },
        context.signal,
      )
      recordPhaseChange(deps.recorder, job, written)
    }
    for (const act of plan.acts) await performAct(act, { deps, scheduler, key, job }, context.signal)
    return plan.requeueAfterMs === undefined ? {} : { requeueAfterMs: plan.requeueAfterMs }
  }
}

function viewOf(
  { caches, settings, clock }: ReconcilerDeps,
  scheduler: Scheduler,
  key: string,
  job: RunnerJob,
): JobView {
  const runner = runnerOf(caches, job)
  const pool = caches.pools.get(`${job.metadata.namespace ?? ''}/${runner?.spec.poolName ?? ''}`)
  return {
    job,
    runner,
    pod: podState(podOf(caches, job)),
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

/**
 * Before an absence becomes an outcome the API server is asked: the caches of Runners and pods are not in step, and a
 * list may have lacked what is there. What is there after all is offered to the cache, whose change plans the job anew.
 */
async function existsUncached(
  deps: ReconcilerDeps,
  { job, runner, pod }: JobView,
  signal: AbortSignal,
): Promise<boolean> {
  const { client, caches } = deps
  const key = { namespace: job.metadata.namespace ?? '', name: runnerName(job) }
  if (runner === undefined && pod.is !== 'exited' && pod.is !== 'lost') {
    const found = await lookUp(client, runners, key, signal)
    if (found !== undefined) caches.runners.applyOwn(found)
    if (found?.spec.jobRef?.uid === job.metadata.uid && found.metadata.deletionTimestamp === undefined) return true
  }
  if (pod.is !== 'absent') return false
  const found = await lookUp(client, pods, key, signal)
  if (found !== undefined) caches.pods.applyOwn(found)
  return found !== undefined && isPodOf(found, job)
}

interface JobPass {
  deps: ReconcilerDeps
  scheduler: Scheduler
  key: string
  job: RunnerJob
}

async function performAct(act: JobAct, context: JobPass, signal: AbortSignal): Promise<void> {
  const { deps, job } = context
  const { client, caches } = deps
  const pod = podOf(caches, job)
  const runner = runnerOf(caches, job)
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
