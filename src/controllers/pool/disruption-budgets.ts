import { isDeepStrictEqual } from 'node:util'
import { keyOf } from '../../api/object.ts'
import { podDisruptionBudgets } from '../../api/pod-disruption-budget.ts'
import type { RunnerPool } from '../../api/runner-pool.ts'
import { disruptionBudgetOf } from '../../domain/pool/disruption-budget.ts'
import { Forbidden, RetryLater } from '../../kube/client/errors.ts'
import { splitKey } from '../../kube/client/resource-path.ts'
import type { ReconcilerDeps } from '../deps.ts'

/** How soon the budget of a deleted pool of the same name should be gone. */
const AGAIN_MS = 5000

/** Keeps a PodDisruptionBudget for each pool. It is looked at once per term and pool; it goes with its pool. */
export function disruptionBudgets({ caches, client, log }: ReconcilerDeps) {
  /** The UID of each pool whose budget is known to be right, by key. */
  const right = new Map<string, string>()
  return async function ensureBudget(key: string, signal: AbortSignal): Promise<void> {
    const pool = caches.pools.get(key)
    if (pool === undefined) right.delete(key)
    if (pool === undefined || right.get(key) === pool.metadata.uid) return
    try {
      await ensure(pool, signal)
    } catch (error) {
      if (!(error instanceof Forbidden)) throw error
      // The Role may be older than the operator: jobs run all the same.
      log.warn(
        { err: error, pool: key },
        'evictions may end running jobs: the operator may not write the budget of a pool',
      )
    }
    right.set(key, pool.metadata.uid)
  }

  async function ensure(pool: RunnerPool, signal: AbortSignal): Promise<void> {
    const wanted = disruptionBudgetOf(pool)
    const budgetKey = splitKey(keyOf({ metadata: { ...pool.metadata, name: wanted.metadata.name } }))
    const known = await client.find(podDisruptionBudgets, budgetKey, signal)
    if (known === undefined) {
      await client.create(podDisruptionBudgets, wanted, signal)
      return
    }
    if (known.metadata.ownerReferences?.some(({ uid }) => uid === pool.metadata.uid) !== true)
      throw new RetryLater(AGAIN_MS, `PodDisruptionBudget ${budgetKey.name} of an earlier pool is still there`)
    const { minAvailable, selector } = known.spec
    if (isDeepStrictEqual({ minAvailable, selector }, wanted.spec)) return
    await client.patchMerge(podDisruptionBudgets, budgetKey, { spec: wanted.spec }, signal)
  }
}
