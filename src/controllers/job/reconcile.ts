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
import type { Pass, Result } from '../../kube/controller/controller.ts'
import type { Shell } from '../deps.ts'
import type { Scheduler } from '../pool/scheduler.ts'
import { createOnce, deleteObject, lookUp, releasePod, writeStatus } from '../writes.ts'
import { recordMove } from './phase-events.ts'
import { Lasting } from './waiting-since.ts'

/** A waiting state is written only when it has lasted this long: most pass sooner, and a write costs as much as a pod. */
const MOMENT_MS = 1000

const DEFAULT_FINISHED_POD_TTL_MS = 600_000

/** Reconciles one RunnerJob: reads the caches, plans, writes the status, acts. */
export function jobReconciler(shell: Shell, scheduler: Scheduler) {
  const lasting = new Lasting(shell.clock)
  return async function reconcileJob(key: string, pass: Pass): Promise<Result> {
    const job = shell.caches.jobs.get(key)
    if (job === undefined) {
      lasting.forget(key)
      return {}
    }
    const view = viewOf(shell, scheduler, key, job)
    const plan = planJob(view)
    const { status } = plan
    if (status === undefined || !isNews(job.status, plan)) lasting.forget(key)
    else {
      const leftMs = plan.mayPass === true ? MOMENT_MS - lasting.ageMs(key, `${status.phase} ${status.reason}`) : 0
      if (leftMs > 0) return { againAfterMs: Math.min(leftMs, plan.againAfterMs ?? leftMs) }
      if (pass.lane === 'urgent' && shell.isBusy()) return { deferred: true }
      if (status.reason === 'PodDeleted' && (await isThereAfterAll(shell, view, pass.signal)))
        return { againAfterMs: MOMENT_MS }
      const written = await writeStatus(
        { ...shell, store: shell.caches.jobs, resource: runnerJobs },
        { ...job, status },
        pass.signal,
      )
      recordMove(shell.recorder, job, written)
    }
    for (const act of plan.acts) await perform(act, { shell, scheduler, key, job }, pass.signal)
    return plan.againAfterMs === undefined ? {} : { againAfterMs: plan.againAfterMs }
  }
}

function viewOf({ caches, settings, clock }: Shell, scheduler: Scheduler, key: string, job: RunnerJob): JobView {
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
function isNews(was: RunnerJobStatus, { status, mayPass }: JobPlan): boolean {
  if (status === undefined) return false
  if (mayPass !== true) return !isDeepStrictEqual(status, was)
  return status.phase !== was.phase || status.reason !== was.reason || status.message !== was.message
}

/**
 * Before an absence becomes an outcome the API server is asked: the caches of Runners and pods are not in step, and a
 * list may have lacked what is there. What is there after all is offered to the cache, whose change plans the job anew.
 */
async function isThereAfterAll(shell: Shell, { job, runner, pod }: JobView, signal: AbortSignal): Promise<boolean> {
  const { client, caches } = shell
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
  shell: Shell
  scheduler: Scheduler
  key: string
  job: RunnerJob
}

async function perform(act: JobAct, pass: JobPass, signal: AbortSignal): Promise<void> {
  const { shell, job } = pass
  const { client, caches } = shell
  const pod = podOf(caches, job)
  const runner = runnerOf(caches, job)
  switch (act) {
    case 'create-runner':
      return createRunner(pass, signal)
    case 'stop-pod':
      return pod === undefined ? undefined : deleteObject(client, pods, pod, signal)
    case 'release-pod':
      return pod === undefined ? undefined : releasePod(client, caches, pod, signal)
    case 'delete-runner':
      return runner === undefined ? undefined : deleteObject(client, runners, runner, signal)
    case 'delete-job':
      if (caches.totals.counts(job)) return deleteObject(client, runnerJobs, job, signal)
      return shell.retirement.add(job)
    default:
      return act satisfies never
  }
}

async function createRunner({ shell, scheduler, key, job }: JobPass, signal: AbortSignal): Promise<void> {
  const pool = scheduler.poolOf(key)
  // The pool went between two lines; its change wakes the job again.
  if (pool === undefined) return
  const kind = { client: shell.client, store: shell.caches.runners, resource: runners }
  await createOnce(kind, newRunner(job, pool), ({ spec }) => spec.jobRef?.uid === job.metadata.uid, signal)
}
