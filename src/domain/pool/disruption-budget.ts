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
