import { keyOf } from '../../api/object.ts'
import { podDisruptionBudgets } from '../../api/pod-disruption-budget.ts'
import type { RunnerPool } from '../../api/runner-pool.ts'
import { budgetStep, disruptionBudgetOf } from '../../domain/pool/disruption-budget.ts'
import { splitKey } from '../../kube/client/resource-path.ts'
import type { Result } from '../../kube/controller/controller.ts'
import type { ReconcilerDeps } from '../deps.ts'
import { isBudgetRefusal, removeBudget } from './left-budgets.ts'

/** How soon the budget of a deleted pool of the same name should be gone. */
const AGAIN_MS = 5000

/** For how long a budget is not looked at again while its pool is in use: somebody may delete or change it. */
const TRUSTED_MS = 600_000

/**
 * Keeps a PodDisruptionBudget for each pool, and for a deleted one as long as its jobs run. Jobs run all the same where
 * that fails.
 */
export function disruptionBudgets(
  { caches, client, clock, log }: ReconcilerDeps,
  isUsed: (poolKey: string) => boolean,
) {
  /** For each pool, by key, its UID and when its budget is looked at again. */
  const looked = new Map<string, { uid: string; againAtMs: number }>()
  return async function ensureBudget(key: string, signal: AbortSignal): Promise<Result> {
    const pool = caches.pools.get(key)
    const { uid, againAtMs } = looked.get(key) ?? { uid: '', againAtMs: 0 }
    if (pool === undefined) {
      looked.delete(key)
      if (!isUsed(key)) await removeBudget({ client, log }, key, signal)
      return {}
    }
    if (uid === pool.metadata.uid && clock.monotonicMs() < againAtMs) return {}
    const isSettled = await ensure(pool, signal)
    const pauseMs = isSettled ? TRUSTED_MS : AGAIN_MS
    looked.set(key, { uid: pool.metadata.uid, againAtMs: clock.monotonicMs() + pauseMs })
    return isSettled ? {} : { requeueAfterMs: AGAIN_MS }
  }

  /** Returns whether that is all that can be done for now. */
  async function ensure(pool: RunnerPool, signal: AbortSignal): Promise<boolean> {
    try {
      return await take(pool, signal)
    } catch (error) {
      if (!isBudgetRefusal(error)) throw error
      warn(pool, { err: error })
      return true
    }
  }

  async function take(pool: RunnerPool, signal: AbortSignal): Promise<boolean> {
    const wanted = disruptionBudgetOf(pool)
    const budgetKey = splitKey(keyOf({ metadata: { ...pool.metadata, name: wanted.metadata.name } }))
    const step = budgetStep(await client.find(podDisruptionBudgets, budgetKey, signal), pool)
    switch (step.is) {
      case 'create':
        await client.create(podDisruptionBudgets, wanted, signal)
        return true
      case 'patch':
        await client.patchMerge(podDisruptionBudgets, budgetKey, step.patch, signal)
        return true
      case 'foreign':
        warn(pool, { budget: budgetKey.name })
        return true
      case 'right':
        return true
      case 'wait':
        return false
      default:
        return step satisfies never
    }
  }

  function warn(pool: RunnerPool, fields: Record<string, unknown>): void {
    log.warn({ ...fields, pool: keyOf(pool) }, 'evictions may end running jobs: a pool has no budget of the operator')
  }
}
