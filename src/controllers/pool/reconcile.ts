import { isDeepStrictEqual } from 'node:util'
import type { Condition } from '../../api/object.ts'
import { pods } from '../../api/pod.ts'
import type { RunnerJob } from '../../api/runner-job.ts'
import { type RunnerPool, runnerPools, type RunnerPoolStatus } from '../../api/runner-pool.ts'
import type { Runner } from '../../api/runner.ts'
import { shorten, withCondition } from '../../domain/conditions.ts'
import { withPaths } from '../../domain/runner/template-values.ts'
import { isTooBig } from '../../domain/pod/quota.ts'
import { readinessOf } from '../../domain/pool/readiness.ts'
import { inTermsOfTemplate, desiredPod } from '../../domain/runner/desired-pod.ts'
import { AlreadyExists, ApiError } from '../../kube/client/errors.ts'
import type { ReconcileContext, Result } from '../../kube/controller/controller.ts'
import type { ReconcilerDeps } from '../deps.ts'
import { type Refusal, refusalOf, saysTheSame } from '../runner/pod-refusal.ts'
import { asWritten, writeStatus } from '../writes.ts'
import { drainDeadlineWriter } from './drain-deadline.ts'
import { disruptionBudgets } from './disruption-budgets.ts'
import { imageKeeper } from './images.ts'
import type { Scheduler } from './scheduler.ts'
import { positionAnnouncer } from './positions.ts'
import { usageWriter } from './usage.ts'

/** How soon a template that was refused for now, or for good, is tried again: policies change. */
const AGAIN_MS = { Starting: 10_000, Stopping: 180_000 }

/**
 * Checks the template of a pool, protects its running pods, keeps its images on its nodes, writes into its status how it is used, and keeps the
 * positions of its jobs up to date.
 */
export function poolReconciler(deps: ReconcilerDeps, scheduler: Scheduler) {
  const checkTemplate = templateCheck(deps)
  const ensureBudget = disruptionBudgets(deps, (key) => {
    const { running, starting } = scheduler.usageOf(key)
    return running + starting > 0
  })
  const keepImages = imageKeeper(deps)
  const writeUsage = usageWriter(deps, scheduler)
  const writeDrainDeadline = drainDeadlineWriter(deps)
  const announce = positionAnnouncer(deps, scheduler)
  return async function reconcilePool(key: string, context: ReconcileContext): Promise<Result> {
    const check = await checkTemplate(key, context.signal)
    await writeDrainDeadline(key, context.signal)
    const usage = await writeUsage(key, context)
    const budget = await ensureBudget(key, context.signal)
    const images = await keepImages(key, context)
    const waits = [check, usage, announce(key), budget, images].flatMap(({ requeueAfterMs }) => requeueAfterMs ?? [])
    return { ...usage, ...(waits.length > 0 && { requeueAfterMs: Math.min(...waits) }) }
  }
}

/** A template that has been tried: the UID and the generation of its pool, and when it is tried again. */
interface Tried {
  template: string
  againAtMs: number
}

/**
 * Sets the pool's Ready condition: whether the API server would accept a pod of its template. A refused template is
 * tried again, since the cause may change without the pool; nothing is written while the result is the same. An accepted
 * template is tried once per term: an earlier version of the operator may have been less strict.
 */
function templateCheck(deps: ReconcilerDeps) {
  const tried = new Map<string, Tried>()
  return async function checkTemplate(key: string, signal: AbortSignal): Promise<Result> {
    const pool = deps.caches.pools.get(key)
    if (pool === undefined) {
      tried.delete(key)
      return {}
    }
    const template = `${pool.metadata.uid} ${pool.metadata.generation}`
    const last = tried.get(key)
    const leftMs = last?.template === template && isJudged(pool) ? last.againAtMs - deps.clock.monotonicMs() : 0
    if (leftMs > 0) return requeueAfter(leftMs)
    const problem = await problemOf(deps, pool, signal)
    const againMs = problem === undefined ? Number.POSITIVE_INFINITY : AGAIN_MS[problem.phase]
    const status = statusOf(pool, problem, deps.clock.now())
    if (!isDeepStrictEqual(status, pool.status)) await writeReady(deps, { ...pool, status }, problem, signal)
    tried.set(key, { template, againAtMs: deps.clock.monotonicMs() + againMs })
    return requeueAfter(againMs)
  }
}

/** Whether the status has the result for this template: somebody may have removed it. */
function isJudged(pool: RunnerPool): boolean {
  return readinessOf(pool).is !== 'unjudged'
}

function requeueAfter(ms: number): Result {
  return Number.isFinite(ms) ? { requeueAfterMs: ms } : {}
}

async function writeReady(
  deps: ReconcilerDeps,
  pool: RunnerPool,
  problem: Refusal | undefined,
  signal: AbortSignal,
): Promise<void> {
  await writeStatus({ ...deps, store: deps.caches.pools, resource: runnerPools }, pool, signal)
  if (problem === undefined) return
  const event = {
    type: 'Warning',
    reason: problem.reason,
    message: problem.message,
    action: 'CheckTemplate',
  } as const
  deps.recorder.record({ resource: runnerPools, object: pool }, event)
}

function readyOf(status: RunnerPoolStatus | undefined): Condition | undefined {
  return status?.conditions?.find(({ type }) => type === 'Ready')
}

async function problemOf(
  { client, agents }: ReconcilerDeps,
  pool: RunnerPool,
  signal: AbortSignal,
): Promise<Refusal | undefined> {
  const sample = sampleOf(pool)
  try {
    await client.dryRunCreate(pods, desiredPod(pool, sample.job, sample.runner, agents.script), signal, asWritten)
    await agents.ensure(pool, signal)
  } catch (error) {
    // A pod of this name exists only for a moment, and only if the template was accepted.
    if (error instanceof AlreadyExists) return undefined
    // A webhook with side effects takes no part in a dry run; the API server rejects only the dry run.
    if (error instanceof ApiError && error.message.includes('does not support dry run')) return undefined
    const refusal = refusalOf(error)
    // Pods wait for quota: the template is not at fault if it can fit the quota.
    if (refusal?.reason === 'QuotaExceeded') return isTooBig(refusal.message) ? refusal : undefined
    if (refusal === undefined) throw error
    const message = withPaths(inTermsOfTemplate(refusal.message, { ...sample, pool }), pool.spec.template)
    return { ...refusal, message }
  }
  return undefined
}

/** A sample job and Runner of this pool. */
function sampleOf(pool: RunnerPool): { job: RunnerJob; runner: Runner } {
  const { name, namespace } = pool.metadata
  const uid = '00000000-0000-0000-0000-000000000000'
  const metadata = {
    name: 'template-check',
    namespace: namespace ?? '',
    uid,
    resourceVersion: '',
    creationTimestamp: '',
  }
  const message = pool.spec.mode === 'Worker' ? { message: { id: '0', parts: 1 } } : {}
  const spec = { repository: 'owner/repo', runId: '1', jobId: '1', ...message }
  const job: RunnerJob = {
    metadata,
    spec: { ...spec, cancel: false, timeoutSeconds: 1, ttlSecondsAfterFinished: 0 },
    status: { phase: 'Queued' },
  }
  const runner: Runner = {
    metadata,
    spec: { type: 'Ephemeral', repository: spec.repository, poolName: name, jobRef: { name, uid }, attempt: 1 },
    status: { phase: 'Starting' },
  }
  return { job, runner }
}

function statusOf(pool: RunnerPool, problem: Refusal | undefined, now: Date): RunnerPoolStatus {
  const generation = pool.metadata.generation ?? 1
  const message = shorten(problem?.message ?? 'the API server accepts pods of this template')
  const known = readyOf(pool.status)?.message ?? ''
  const condition = {
    type: 'Ready',
    status: problem === undefined ? 'True' : 'False',
    reason: problem?.reason ?? 'TemplateAccepted',
    message: saysTheSame(message, known) ? known : message,
    observedGeneration: generation,
  } as const
  const conditions = withCondition(pool.status?.conditions, condition, now)
  return { ...pool.status, conditions, observedGeneration: generation }
}
