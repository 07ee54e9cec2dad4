import { isDeepStrictEqual } from 'node:util'
import { MANAGED_BY, MANAGED_BY_LABEL, POOL_LABEL } from '../../api/names.ts'
import type { NewObject } from '../../api/object.ts'
import type { PodDisruptionBudget } from '../../api/pod-disruption-budget.ts'
import type { RunnerPool } from '../../api/runner-pool.ts'

/**
 * More than a pool has pods, so that no eviction is ever allowed. For pods without a scalable owner, Kubernetes only
 * takes a whole number here, and no maxUnavailable.
 */
const ALL = 2_147_483_647

const PREFIX = 'runnerhub-pool-'

/** The name of the budget of the pool with this name. */
export function budgetNameOf(poolName: string): string {
  return `${PREFIX}${poolName}`
}

/** The name of the pool that a budget is for; undefined if it is none of ours. */
export function poolNameOf(budget: Pick<PodDisruptionBudget, 'metadata'>): string | undefined {
  const { name } = budget.metadata
  return isOwnBudget(budget) && name.startsWith(PREFIX) ? name.slice(PREFIX.length) : undefined
}

/** Whether an operator made the budget. */
export function isOwnBudget({ metadata }: Pick<PodDisruptionBudget, 'metadata'>): boolean {
  return metadata.labels?.[MANAGED_BY_LABEL] === MANAGED_BY
}

/**
 * The PodDisruptionBudget of a pool: the eviction API refuses to end a pod that runs a job. It always lets pods go that
 * are pending or over, whatever a budget says, so the selector need not tell them from the others. It has no owner: jobs
 * of a deleted pool still run, and the operator deletes the budget after the last of them.
 */
export function disruptionBudgetOf({ metadata }: RunnerPool): NewObject<PodDisruptionBudget> {
  const { name, namespace } = metadata
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: {
      name: budgetNameOf(name),
      ...(namespace !== undefined && { namespace }),
      labels: { [MANAGED_BY_LABEL]: MANAGED_BY },
    },
    spec: { minAvailable: ALL, selector: { matchLabels: { [POOL_LABEL]: name } } },
  }
}

/** What has to be done about the budget of a pool. */
export type BudgetStep =
  | { is: 'create' }
  | { is: 'right' }
  /** Its spec was changed, or it would go with its pool, as those of earlier versions do. */
  | { is: 'patch'; patch: Pick<NewObject<PodDisruptionBudget>, 'spec'> & { metadata: { ownerReferences: null } } }
  /** It goes with an earlier pool of the name. */
  | { is: 'wait' }
  /** Somebody else made it. */
  | { is: 'foreign' }

/** Decides about the object that has the name of a pool's budget, if there is one. */
export function budgetStep(known: PodDisruptionBudget | undefined, pool: RunnerPool): BudgetStep {
  if (known === undefined) return { is: 'create' }
  const { spec } = disruptionBudgetOf(pool)
  const { ownerReferences = [] } = known.metadata
  const isOwned = ownerReferences.some(({ uid }) => uid === pool.metadata.uid)
  if (!isOwned && ownerReferences.length > 0) return { is: 'wait' }
  if (!isOwned && !isOwnBudget(known)) return { is: 'foreign' }
  const { minAvailable, selector } = known.spec
  if (!isOwned && isDeepStrictEqual({ minAvailable, selector }, spec)) return { is: 'right' }
  return { is: 'patch', patch: { spec, metadata: { ownerReferences: null } } }
}
