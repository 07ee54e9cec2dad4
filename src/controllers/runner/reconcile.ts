import { controllerUid, keyOf } from '../../api/object.ts'
import { type Pod, pods } from '../../api/pod.ts'
import { type RunnerJob, runnerJobs } from '../../api/runner-job.ts'
import { type RunnerPool, runnerPools } from '../../api/runner-pool.ts'
import { type Runner, runners, type RunnerStatus } from '../../api/runner.ts'
import { jobOf } from '../../cluster/caches.ts'
import { shorten } from '../../domain/conditions.ts'
import { readinessOf } from '../../domain/pool/readiness.ts'
import { desiredPod } from '../../domain/runner/desired-pod.ts'
import { planRunner, type RunnerPlan } from '../../domain/runner/plan.ts'
import type { KubeClient } from '../../kube/client/client.ts'
import { splitKey } from '../../kube/client/resource-path.ts'
import type { ReconcileContext, Result } from '../../kube/controller/controller.ts'
import type { ReconcilerDeps } from '../deps.ts'
import { asWritten, createOnce, deleteObject, writeStatus } from '../writes.ts'
import type { Tried } from './pod-creates.ts'
import { type Refusal, refusalOf, saysTheSame } from './pod-refusal.ts'

/** When to reconcile again if the event that wakes the Runner may be missed. */
const TRY_AGAIN_MS = 5000

/** Reconciles one ephemeral Runner: creates its pod, and writes when it is busy. */
export function runnerReconciler(deps: ReconcilerDeps) {
  const { caches } = deps
  return async function reconcileRunner(key: string, context: ReconcileContext): Promise<Result> {
    const runner = caches.runners.get(key)
    if (runner?.spec.type !== 'Ephemeral') {
      deps.podCreates.forget(key)
      return {}
    }
    const own = jobOf(caches, runner)
    const plan = planOf(deps, runner, caches.pods.get(key))
    if (plan.act === 'create-pod' && own !== undefined) return createPod(deps, runner, own, context.signal)
    deps.podCreates.forget(key)
    if (plan.act === 'delete-runner') return withdraw(deps, runner, context.signal)
    if (plan.status === undefined) return againOf(plan)
    if (context.lane === 'urgent' && deps.isBusy()) return { deferred: true }
    await setStatus(deps, runner, plan.status, context.signal)
    return {}
  }
}

function planOf({ caches, settings, clock }: ReconcilerDeps, runner: Runner, pod: Pod | undefined): RunnerPlan {
  const isMine = pod !== undefined && caches.podRunners.of(pod)?.metadata.uid === runner.metadata.uid
  const { startTroubleMs } = settings
  const state = caches.podStates.of(isMine ? pod : undefined)
  return planRunner({ runner, job: jobOf(caches, runner), pod: state, startTroubleMs, now: clock.now() })
}

function againOf({ requeueAfterMs }: RunnerPlan): Result {
  return requeueAfterMs === undefined ? {} : { requeueAfterMs }
}

/** Deletes a Runner that is not needed, and its pod, unless the API server has newer data than the caches. */
async function withdraw(deps: ReconcilerDeps, runner: Runner, signal: AbortSignal): Promise<Result> {
  const { client, caches } = deps
  if (jobOf(caches, runner) === undefined && (await hasJob(client, runner, signal)))
    return { requeueAfterMs: TRY_AGAIN_MS }
  const pod = await client.find(pods, splitKey(keyOf(runner)), signal)
  if (pod !== undefined) caches.pods.applyOwn(pod)
  const plan = planOf(deps, runner, pod)
  if (plan.act !== 'delete-runner') return againOf(plan)
  await deleteObject(client, runners, runner, signal)
  return {}
}

async function hasJob(client: KubeClient, { metadata, spec }: Runner, signal: AbortSignal): Promise<boolean> {
  const { name, uid } = spec.jobRef ?? {}
  if (name === undefined) return false
  const job = await client.find(runnerJobs, { namespace: metadata.namespace ?? '', name }, signal)
  return job !== undefined && job.metadata.uid === uid
}

async function setStatus(
  deps: ReconcilerDeps,
  runner: Runner,
  status: RunnerStatus,
  signal: AbortSignal,
): Promise<void> {
  await writeStatus({ ...deps, store: deps.caches.runners, resource: runners }, { ...runner, status }, signal)
}

/** Creates the pod, if the pool has room for a try. */
async function createPod(deps: ReconcilerDeps, runner: Runner, job: RunnerJob, signal: AbortSignal): Promise<Result> {
  const { podCreates } = deps
  const [poolKey, key] = [poolKeyOf(runner), keyOf(runner)]
  const pool = deps.caches.pools.get(poolKey)
  const readiness = pool === undefined ? 'absent' : readinessOf(pool).is
  // The template has just changed: its check wakes the Runner.
  if (readiness === 'unjudged') return { requeueAfterMs: TRY_AGAIN_MS }
  const isFirst = runner.status.reason === undefined
  const leave = podCreates.enter(poolKey, key, { isFirst, pool: `${readiness} ${pool?.metadata.generation}` })
  if (!leave.may) {
    if (leave.refusal !== undefined) await refuse(deps, runner, leave.refusal, signal)
    return { requeueAfterMs: leave.afterMs }
  }
  let tried: Tried = { is: 'failed' }
  let requeueAfterMs: number
  try {
    const refusal = await tryCreate(deps, runner, job, signal)
    tried = refusal === undefined ? { is: 'created' } : { is: 'refused', refusal }
  } finally {
    requeueAfterMs = podCreates.leave(poolKey, key, tried)
  }
  if (tried.is !== 'refused') return {}
  await refuse(deps, runner, tried.refusal, signal)
  return tried.refusal.phase === 'Starting' ? { requeueAfterMs } : {}
}

/** Creates the pod; returns the refusal, if any. */
async function tryCreate(
  deps: ReconcilerDeps,
  runner: Runner,
  job: RunnerJob,
  signal: AbortSignal,
): Promise<Refusal | undefined> {
  const pool = await poolOf(deps, runner, signal)
  // A pool that is being replaced comes back.
  if (pool === undefined) return missing(runner)
  const readiness = readinessOf(pool)
  if (readiness.is === 'invalid') return broken(runner, readiness.message)
  try {
    const kind = { client: deps.client, store: deps.caches.pods, resource: pods, options: asWritten }
    const isOurs = (pod: { metadata: Runner['metadata'] }) => controllerUid(pod) === runner.metadata.uid
    const pod = desiredPod(pool, job, runner, deps.agents.script)
    await deps.agents.ensure(pool, signal)
    await createOnce(kind, pod, isOurs, signal)
    return undefined
  } catch (error) {
    const refusal = refusalOf(error)
    if (refusal === undefined) throw error
    return refusal
  }
}

function poolKeyOf({ metadata, spec }: Runner): string {
  return `${metadata.namespace ?? ''}/${spec.poolName ?? ''}`
}

async function poolOf(
  { client, caches }: ReconcilerDeps,
  runner: Runner,
  signal: AbortSignal,
): Promise<RunnerPool | undefined> {
  const key = { namespace: runner.metadata.namespace ?? '', name: runner.spec.poolName ?? '' }
  return caches.pools.get(`${key.namespace}/${key.name}`) ?? client.find(runnerPools, key, signal)
}

function missing({ spec }: Runner): Refusal {
  return { phase: 'Starting', reason: 'InvalidPod', message: `RunnerPool ${spec.poolName} is gone` }
}

/** The template became invalid after the Runner was created, and can be fixed. */
function broken({ spec }: Runner, message: string): Refusal {
  return { phase: 'Starting', reason: 'InvalidPod', message: `RunnerPool ${spec.poolName} is not ready: ${message}` }
}

/** Writes a refusal, unless the Runner's status already has it. */
async function refuse(deps: ReconcilerDeps, runner: Runner, refusal: Refusal, signal: AbortSignal): Promise<void> {
  const current = runner.status
  const message = shorten(refusal.message)
  const isKnown =
    refusal.phase === current.phase && refusal.reason === current.reason && saysTheSame(message, current.message ?? '')
  if (isKnown) return
  // The operator itself may lack a right: its admin has to find that in the log.
  if (refusal.reason === 'PodCreateFailed')
    deps.log.warn({ runner: runner.metadata.name, message }, 'cannot create the pod')
  await setStatus(deps, runner, { ...current, ...refusal, message }, signal)
}
