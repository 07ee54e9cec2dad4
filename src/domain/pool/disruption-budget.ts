import { isDeepStrictEqual } from 'node:util'
import { API_VERSION, MANAGED_BY, MANAGED_BY_LABEL, POOL_LABEL } from '../../api/names.ts'
import type { NewObject } from '../../api/object.ts'
import type { PodDisruptionBudget } from '../../api/pod-disruption-budget.ts'
import { type RunnerPool, runnerPools } from '../../api/runner-pool.ts'

/**
 * More than a pool has pods, so that no eviction is ever allowed. For pods without a scalable owner, Kubernetes only
 * takes a whole number here, and no maxUnavailable.
 */
const ALL = 2_147_483_647

/**
 * The PodDisruptionBudget of a pool: the eviction API refuses to end a pod that runs a job. It always lets pods go that
 * are pending or over, whatever a budget says, so the selector need not tell them from the others.
 */
export function disruptionBudgetOf(pool: RunnerPool): NewObject<PodDisruptionBudget> {
  const { name, namespace, uid } = pool.metadata
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: {
      name: `runnerhub-pool-${name}`,
      ...(namespace !== undefined && { namespace }),
      labels: { [MANAGED_BY_LABEL]: MANAGED_BY },
      // One that blocks the deletion of the pool would need a right on it.
      ownerReferences: [{ apiVersion: API_VERSION, kind: runnerPools.kind, name, uid }],
    },
    spec: { minAvailable: ALL, selector: { matchLabels: { [POOL_LABEL]: name } } },
  }
}

/** What has to be done about the budget of a pool. */
export type BudgetStep =
  | { is: 'create' }
  | { is: 'right' }
  /** Its spec was changed, or it lost its owner, as after a deletion of the pool that orphaned it. */
  | { is: 'patch'; patch: Pick<NewObject<PodDisruptionBudget>, 'spec'> & { metadata: { ownerReferences: unknown } } }
  /** It goes with an earlier pool of the name. */
  | { is: 'wait' }
  /** Somebody else made it. */
  | { is: 'foreign' }

/** Decides about the object that has the name of a pool's budget, if there is one. */
export function budgetStep(known: PodDisruptionBudget | undefined, pool: RunnerPool): BudgetStep {
  if (known === undefined) return { is: 'create' }
  const { spec, metadata } = disruptionBudgetOf(pool)
  const { labels, ownerReferences = [] } = known.metadata
  const isOwned = ownerReferences.some(({ uid }) => uid === pool.metadata.uid)
  if (!isOwned && ownerReferences.length > 0) return { is: 'wait' }
  if (!isOwned && labels?.[MANAGED_BY_LABEL] !== MANAGED_BY) return { is: 'foreign' }
  const { minAvailable, selector } = known.spec
  if (isOwned && isDeepStrictEqual({ minAvailable, selector }, spec)) return { is: 'right' }
  return { is: 'patch', patch: { spec, metadata: { ownerReferences: metadata.ownerReferences } } }
}
