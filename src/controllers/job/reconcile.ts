import { isDeepStrictEqual } from 'node:util'
import { MESSAGE_LABEL } from '../../api/names.ts'
import { keyOf } from '../../api/object.ts'
import { isOwnPod, type Pod, pods } from '../../api/pod.ts'
import { type RunnerJob, runnerJobs, type RunnerJobStatus } from '../../api/runner-job.ts'
import type { RunnerPool } from '../../api/runner-pool.ts'
import { type Runner, runners } from '../../api/runner.ts'
import { podOf, previousPodOf, runnerOf } from '../../cluster/caches.ts'
import { shorten } from '../../domain/conditions.ts'
import { jobContainer } from '../../domain/pod/job-container.ts'
import { isFinal, isFinished } from '../../domain/job/phases.ts'
import { type JobAct, type JobPlan, planJob } from '../../domain/job/plan.ts'
import { mayHaveEnded } from '../../domain/job/endings.ts'
import { retryRulesOf, type RetryView, spentSince } from '../../domain/job/retry-rules.ts'
import { statusAfter } from '../../domain/job/status.ts'
import type { Admission, JobView } from '../../domain/job/view.ts'
import { readinessOf } from '../../domain/pool/readiness.ts'
import { attemptOf, previousKey, runnerKey } from '../../domain/runner/keys.ts'
import { newRunner } from '../../domain/runner/new-runner.ts'
import { endersOf } from '../../domain/pod/kubelet-ends.ts'
import { RetryLater } from '../../kube/client/errors.ts'
import { splitKey } from '../../kube/client/resource-path.ts'
import type { Lease } from '../../kube/election/lease.ts'
import type { ReconcileContext, Result } from '../../kube/controller/controller.ts'
import type { ReconcilerDeps } from '../deps.ts'
import { enderOf } from '../pod/events.ts'
import { restorePod } from '../pod/restore.ts'
import type { Scheduler } from '../pool/scheduler.ts'
import { refusalOf, saysTheSame } from '../runner/pod-refusal.ts'
import { asTyped, cancelPod, createOnce, deleteObject, expirePod, releasePod, writeStatus } from '../writes.ts'
import { recordPhaseChange } from './phase-events.ts'
import { proxyLostAt } from './proxy-loss.ts'
import { WaitingSince } from './waiting-since.ts'

/** A waiting state is written only after it has lasted this long: most pass sooner, and a write costs as much as a pod. */
const TRANSIENT_MS = 1000

/** How long creates of a Runner fail before the job's status shows it, and the retry interval after that. */
const REFUSED_MS = 2000
const TRY_AGAIN_MS = 5000

const DEFAULT_FINISHED_POD_TTL_MS = 600_000

/** Reconciles one RunnerJob: reads the caches, plans, writes the status, acts. */
export function jobReconciler(deps: ReconcilerDeps, scheduler: Scheduler) {
  const waitingSince = new WaitingSince(deps.clock)
  const refused = new WaitingSince(deps.clock)
  return async function reconcileJob(key: string, context: ReconcileContext): Promise<Result> {
    const job = deps.caches.jobs.get(key)
    if (job === undefined) {
      waitingSince.forget(key)
      refused.forget(key)
      deps.podWarnings.look(key, undefined)
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
      if (leftMs > 0) return laterOf(leftMs, plan)
      // An end waits for nothing: its pod is held and its caller waits, while other ends would free slots for more pods.
      if (context.lane === 'urgent' && !isFinal(status.phase) && deps.isBusy()) return { deferred: true }
      const written = await writeStatus(
        { ...deps, store: deps.caches.jobs, resource: runnerJobs },
        { ...job, status },
        context.signal,
      )
      waitingSince.forget(key)
      recordPhaseChange(deps.recorder, job, written)
    }
    for (const act of plan.acts) await performAct(act, { deps, scheduler, refused, key, job, place }, context.signal)
    return againOf(job, plan)
  }
}

/** A finished job is in no hurry: thousands may reach their TTL at the same time. */
function againOf(job: RunnerJob, { requeueAfterMs }: JobPlan): Result {
  if (requeueAfterMs === undefined) return {}
  return isFinished(job) ? { requeueAfterMs, deferred: true } : { requeueAfterMs }
}

/** A status is written in the deferred lane, so its time is due there: an urgent reconcile would only put it off. */
function laterOf(leftMs: number, { requeueAfterMs = leftMs }: JobPlan): Result {
  return requeueAfterMs < leftMs ? { requeueAfterMs } : { requeueAfterMs: leftMs, deferred: true }
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
 * Plans from the caches. Before an absence becomes an outcome, the object is looked up at the API server: the caches of
 * Runners and pods are not in step, and a list may have missed it. If it exists after all, the plan includes it, so that
 * the job can still be cancelled and still meets its deadline, and the job is soon requeued: there may be no event.
 */
async function planFrom(
  deps: ReconcilerDeps,
  scheduler: Scheduler,
  seen: Seen,
  signal: AbortSignal,
): Promise<{ place: Place; plan: JobPlan }> {
  const plan = planJob(await withEnder(deps, viewOf(deps, scheduler, seen), seen.place, signal))
  if (plan.needsPreviousGone === true && !(await isPreviousGone(deps, seen.job, signal)))
    return { place: seen.place, plan: { acts: [], requeueAfterMs: TRANSIENT_MS } }
  const needsLook = plan.needsRunnerGone === true || (endsByAbsence(seen, plan) && isNews(seen.job.status, plan))
  if (!needsLook) return { place: seen.place, plan }
  const place = await livePlace(deps, seen, signal)
  if (place === undefined) return { place: seen.place, plan }
  const live = planJob(await withEnder(deps, viewOf(deps, scheduler, { ...seen, place }), place, signal))
  return { place, plan: { ...live, requeueAfterMs: Math.min(live.requeueAfterMs ?? TRANSIENT_MS, TRANSIENT_MS) } }
}

/** Whether the job ends because its place, or its pod, is missing. */
function endsByAbsence({ job, place }: Seen, { status }: JobPlan): boolean {
  const isNext = attemptOf({ status: status ?? {} }) > attemptOf(job)
  if (status?.reason === 'PodDeleted' || (isNext && place.pod === undefined)) return true
  const hadPlace = place.runner !== undefined || job.status.runnerRef !== undefined
  const isStopped = status?.reason === 'CancelRequested' || status?.reason === 'ProxyLost'
  return isStopped && status.phase !== 'Running' && place.pod === undefined && hadPlace
}

function viewOf(deps: ReconcilerDeps, scheduler: Scheduler, { key, job, place }: Seen): JobView {
  const { caches, settings, clock, podWarnings, logs, termBeganAt } = deps
  const { runner, pod } = place
  // Its Runner may be deleted already.
  const poolName = runner?.spec.poolName ?? job.status.poolName ?? ''
  const pool = caches.pools.get(`${job.metadata.namespace ?? ''}/${poolName}`)
  return {
    job,
    runner,
    pod: caches.podStates.of(pod),
    admission: admissionOf(scheduler, key),
    pool: pool ?? (runner === undefined ? scheduler.queuedIn(key) : undefined),
    log: logs?.of(pod),
    warning: podWarnings.look(key, isFinished(job) ? undefined : pod),
    messageLost: deps.lostMessages.has(job),
    proxyLostAt: proxyLostAt({ caches, settings }, job, termBeganAt),
    previous: caches.podStates.of(previousPodOf(caches, job)),
    retry: pool === undefined || isFinished(job) ? undefined : retryViewOf(deps, job, pool),
    isDraining: isOnDrainingNode(deps, pod),
    finishedJobTtlMs: finishedJobTtlMs(caches, job),
    isSurplus: deps.finishedJobs.isSurplus(key),
    finishedPodTtlMs: pool === undefined ? DEFAULT_FINISHED_POD_TTL_MS : pool.spec.finishedPodTTLSeconds * 1000,
    startTroubleMs: settings.startTroubleMs,
    now: clock.now(),
  }
}

function isOnDrainingNode({ drainingNodes }: ReconcilerDeps, pod: Pod | undefined): boolean | undefined {
  return pod?.spec.nodeName === undefined ? false : drainingNodes.isDraining(pod.spec.nodeName)
}

/** The TTL of the pool that gave the job its slot. */
function finishedJobTtlMs({ pools }: ReconcilerDeps['caches'], { metadata, status }: RunnerJob): number | undefined {
  const seconds = pools.get(`${metadata.namespace ?? ''}/${status.poolName ?? ''}`)?.spec.finishedJobTTLSeconds
  return seconds === undefined ? undefined : seconds * 1000
}

/** Counts from the jobs in the cache, so that a restart forgets none of them. */
function retryViewOf({ caches, clock, random }: ReconcilerDeps, job: RunnerJob, pool: RunnerPool): RetryView {
  const rules = retryRulesOf(pool)
  const { message, repository } = job.spec
  const since = new Date(clock.now().getTime() - rules.windowSeconds * 1000)
  const holds = ({ metadata }: Lease) => metadata.labels?.[MESSAGE_LABEL] === message?.id
  return {
    rules,
    random: random(),
    spent: () => spentSince(caches.retriedJobs.of(pool), { ...rules, repository, since }),
    hasMessage: message !== undefined && [...caches.leases.byIndex('job', keyOf(job))].some(holds),
  }
}

/** An admitted job waits until the template of its pool has been tried; that wakes the job again. */
function admissionOf(scheduler: Scheduler, key: string): Admission {
  const admission = scheduler.admissionOf(key)
  const pool = scheduler.poolOf(key)
  if (admission.is !== 'admitted' || pool === undefined || readinessOf(pool).is !== 'unjudged') return admission
  const { name } = pool.metadata
  return { is: 'next', message: `the Runner will be created once the template of RunnerPool ${name} has been checked` }
}

/**
 * If a container has a hook or a probe that makes the kubelet end it, only its Events show whether that happened. A
 * kubelet reports a container as running once its postStart hook has succeeded.
 */
async function withEnder(
  { client }: ReconcilerDeps,
  view: JobView,
  { pod: object }: Place,
  signal: AbortSignal,
): Promise<JobView> {
  const { job, pod } = view
  if (pod.is !== 'exited' || isFinished(job)) return view
  const container = object === undefined ? undefined : jobContainer(object)?.name
  if (object === undefined || container === undefined) return view
  const enders = endersOf(object.spec, container).filter((ender) => mayHaveEnded(ender, pod, job))
  if (enders.length === 0) return view
  return { ...view, endedBy: await enderOf(client, object, { container, enders }, signal) }
}

/** Whether the planned status differs. In a waiting state, details of Runner and pod do not count. */
function isNews(current: RunnerJobStatus, { status, isTransient }: JobPlan): boolean {
  if (status === undefined) return false
  if (isTransient !== true) return !isDeepStrictEqual(status, current)
  const shown = ['phase', 'reason', 'message', 'queuePosition'] as const
  return shown.some((field) => status[field] !== current[field])
}

/** The Runner and pod from the API server; undefined if the caches miss neither. */
async function livePlace(deps: ReconcilerDeps, { job, place }: Seen, signal: AbortSignal): Promise<Place | undefined> {
  const { is } = deps.caches.podStates.of(place.pod)
  const needsRunner = place.runner === undefined && is !== 'exited' && is !== 'lost'
  const runner = needsRunner ? await liveRunner(deps, job, signal) : place.runner
  const pod = place.pod ?? (await livePod(deps, { job, place: { ...place, runner } }, signal))
  return runner === place.runner && pod === place.pod ? undefined : { runner, pod }
}

/** Gets the Runner and updates the cache; undefined unless it belongs to this very job and is not being deleted. */
async function liveRunner(
  { client, caches }: ReconcilerDeps,
  job: RunnerJob,
  signal: AbortSignal,
): Promise<Place['runner']> {
  const found = await client.find(runners, splitKey(runnerKey(job)), signal)
  if (found === undefined) return undefined
  caches.runners.applyOwn(found)
  const stays = found.metadata.deletionTimestamp === undefined
  return stays && found.spec.jobRef?.uid === job.metadata.uid ? found : undefined
}

/**
 * Gets the pod and updates the cache; undefined unless it belongs to this very job. If it has lost what shows that it is
 * ours, but the job's status knows its UID, it gets that back.
 */
async function livePod(
  deps: ReconcilerDeps,
  { job, place }: Pick<Seen, 'job' | 'place'>,
  signal: AbortSignal,
): Promise<Place['pod']> {
  const { client, caches } = deps
  const found = await client.find(pods, splitKey(runnerKey(job)), signal)
  if (found === undefined) return undefined
  caches.pods.applyOwn(found)
  if (!caches.podRunners.isPodOf(found, job)) return undefined
  if (isOwnPod(found)) return found
  if (job.status.podUID !== found.metadata.uid || found.metadata.deletionTimestamp !== undefined) return undefined
  return restorePod(deps, found, { job, runner: place.runner }, signal)
}

/** Whether the API server has no pod of the last attempt; if it has one, the cache gets it. */
async function isPreviousGone(deps: ReconcilerDeps, job: RunnerJob, signal: AbortSignal): Promise<boolean> {
  const found = await deps.client.find(pods, splitKey(previousKey(job) ?? ''), signal)
  if (found === undefined) return true
  deps.caches.pods.applyOwn(found)
  return !deps.caches.podRunners.isPodOf(found, job)
}

interface JobPass {
  deps: ReconcilerDeps
  scheduler: Scheduler
  /** Since when creates of the jobs' Runners fail. */
  refused: WaitingSince
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
    case 'cancel-pod':
    case 'expire-pod':
    case 'stop-pod':
    case 'release-pod':
      return pod === undefined ? undefined : endPod(act, deps, pod, signal)
    case 'delete-runner':
      return runner === undefined ? undefined : deleteObject(client, runners, runner, signal)
    case 'delete-job':
      if (caches.totals.counts(job)) return deleteObject(client, runnerJobs, job, signal)
      return deps.pendingDeletions.add(job)
    default:
      return act satisfies never
  }
}

type PodAct = Extract<JobAct, `${string}-pod`>

async function endPod(act: PodAct, { client, caches }: ReconcilerDeps, pod: Pod, signal: AbortSignal): Promise<void> {
  switch (act) {
    case 'cancel-pod':
      return cancelPod(client, caches, pod, signal)
    case 'expire-pod':
      return expirePod(client, caches, pod, signal)
    case 'stop-pod':
      return deleteObject(client, pods, pod, signal)
    case 'release-pod':
      return releasePod(client, caches, pod, signal)
    default:
      return act satisfies never
  }
}

async function createRunner(context: JobPass, signal: AbortSignal): Promise<void> {
  const { deps, scheduler, refused, key, job } = context
  const pool = scheduler.poolOf(key)
  // The pool was just deleted; that change wakes the job again.
  if (pool === undefined) return
  const kind = { client: deps.client, store: deps.caches.runners, resource: runners, options: asTyped }
  try {
    await createOnce(
      kind,
      newRunner(job, pool, scheduler.turnOf(key)),
      ({ spec }) => spec.jobRef?.uid === job.metadata.uid,
      signal,
    )
    refused.forget(key)
  } catch (error) {
    const refusal = refusalOf(error)
    if (refusal === undefined || refused.ageMs(key, refusal.reason) < REFUSED_MS) throw error
    await writeRefusal(context, `cannot create the Runner: ${refusal.message}`, signal)
    throw new RetryLater(TRY_AGAIN_MS, 'the API server rejected the Runner', { cause: error })
  }
}

/** Writes to the job's status that its Runner cannot be created, once for each message. */
async function writeRefusal({ deps, job }: JobPass, message: string, signal: AbortSignal): Promise<void> {
  const { reason, message: known = '' } = job.status
  if (reason === 'PodCreateFailed' && saysTheSame(known, shorten(message))) return
  const status = statusAfter(job, { phase: 'Queued', reason: 'PodCreateFailed', message }, {}, deps.clock.now())
  const kind = { ...deps, store: deps.caches.jobs, resource: runnerJobs }
  recordPhaseChange(deps.recorder, job, await writeStatus(kind, { ...job, status }, signal))
}
