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

/** How soon a template is tried again that was refused for now, and one that was refused for good: policies change. */
const AGAIN_MS = { Starting: 10_000, Stopping: 180_000 }

/**
 * Says in the pool's Ready condition whether the API server would take a pod of its template. A refusal is looked at
 * again now and then, since what it comes from may change without the pool; nothing is written while it stays the same.
 * An accepted template is tried once in a term: an earlier version of the operator may have judged it less strictly.
 */
export function poolReconciler(deps: ReconcilerDeps) {
  /** The accepted template of each pool: UID and generation, by key. */
  const accepted = new Map<string, string>()
  return async function reconcilePool(key: string, { signal }: ReconcileContext): Promise<Result> {
    const pool = deps.caches.pools.get(key)
    if (pool === undefined) {
      accepted.delete(key)
      return {}
    }
    const template = `${pool.metadata.uid} ${pool.metadata.generation}`
    if (readinessOf(pool).is === 'ready' && accepted.get(key) === template) return {}
    const problem = await problemOf(deps, pool, signal)
    if (problem === undefined) accepted.set(key, template)
    else accepted.delete(key)
    const status = statusOf(pool, problem, deps.clock.now())
    const again = problem === undefined ? {} : { requeueAfterMs: AGAIN_MS[problem.phase] }
    if (isDeepStrictEqual(status, pool.status)) return again
    await writeStatus({ ...deps, store: deps.caches.pools, resource: runnerPools }, { ...pool, status }, signal)
    if (problem !== undefined) {
      const event = {
        type: 'Warning',
        reason: problem.reason,
        message: problem.message,
        action: 'CheckTemplate',
      } as const
      deps.recorder.record({ resource: runnerPools, object: pool }, event)
    }
    return again
  }
}

function readyOf(status: RunnerPoolStatus | undefined): Condition | undefined {
  return status?.conditions?.find(({ type }) => type === 'Ready')
}

async function problemOf(
  { client }: ReconcilerDeps,
  pool: RunnerPool,
  signal: AbortSignal,
): Promise<Refusal | undefined> {
  const sample = sampleOf(pool)
  try {
    await client.dryRunCreate(pods, desiredPod(pool, sample.job, sample.runner), signal, asWritten)
  } catch (error) {
    // A pod of this name cannot exist for long; its being there says that the template was accepted.
    if (error instanceof AlreadyExists) return undefined
    // A webhook that has more to do than to judge takes no part in a dry run, and the API server refuses that alone.
    if (error instanceof ApiError && error.message.includes('does not support dry run')) return undefined
    const refusal = refusalOf(error)
    // Pods beyond a quota wait for it: that is no fault of a template that can fit it.
    if (refusal?.reason === 'QuotaExceeded') return isTooBig(refusal.message) ? refusal : undefined
    if (refusal === undefined) throw error
    const message = withPaths(inTermsOfTemplate(refusal.message, sample), pool.spec.template)
    return { ...refusal, message }
  }
  return undefined
}

/** A job and its Runner, as this pool might get them. */
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
  const spec = { repository: 'owner/repo', runId: '1', jobId: '1' }
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
  return { conditions: withCondition(pool.status?.conditions, condition, now), observedGeneration: generation }
}
