import { MANAGED_BY, MANAGED_BY_LABEL } from '../../api/names.ts'
import { type PodDisruptionBudget, podDisruptionBudgets } from '../../api/pod-disruption-budget.ts'
import { budgetNameOf, isOwnBudget, poolNameOf } from '../../domain/pool/disruption-budget.ts'
import { Forbidden, Invalid, NamespaceTerminating } from '../../kube/client/errors.ts'
import type { ListPage } from '../../kube/client/parse.ts'
import { splitKey } from '../../kube/client/resource-path.ts'
import type { ReconcilerDeps } from '../deps.ts'
import { deleteObject } from '../writes.ts'

/** Deletes the budget of a deleted pool. */
export async function removeBudget(
  { client, log }: Pick<ReconcilerDeps, 'client' | 'log'>,
  poolKey: string,
  signal: AbortSignal,
): Promise<void> {
  const { namespace, name } = splitKey(poolKey)
  try {
    const known = await client.find(podDisruptionBudgets, { namespace, name: budgetNameOf(name) }, signal)
    if (known !== undefined && isOwnBudget(known)) await deleteObject(client, podDisruptionBudgets, known, signal)
  } catch (error) {
    if (!isBudgetRefusal(error)) throw error
    log.warn({ err: error, pool: poolKey }, 'the budget of a deleted pool stays')
  }
}

/** The Role may be older than the operator, and a quota or a policy may refuse a budget. */
export function isBudgetRefusal(error: unknown): boolean {
  return !(error instanceof NamespaceTerminating) && (error instanceof Forbidden || error instanceof Invalid)
}

/** Budgets on one page of a list. */
const PAGE = 100

/** Calls back with the key of each pool that has a budget and was deleted while no operator ran. */
export async function findLeftBudgets(
  deps: Pick<ReconcilerDeps, 'client' | 'caches' | 'log'> & { namespace: string },
  onLeft: (poolKey: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const { caches, log, namespace } = deps
  try {
    for await (const budget of budgets(deps, signal)) {
      const name = poolNameOf(budget)
      if (name !== undefined && caches.pools.get(`${namespace}/${name}`) === undefined) onLeft(`${namespace}/${name}`)
    }
  } catch (error) {
    if (!signal.aborted) log.warn({ err: error }, 'budgets of deleted pools may stay: they cannot be listed')
  }
}

async function* budgets(
  { client, namespace }: Pick<ReconcilerDeps, 'client'> & { namespace: string },
  signal: AbortSignal,
): AsyncGenerator<PodDisruptionBudget> {
  const query = { labelSelector: `${MANAGED_BY_LABEL}=${MANAGED_BY}`, limit: PAGE }
  let page: ListPage<PodDisruptionBudget> = await client.listPage(podDisruptionBudgets, namespace, query, signal)
  yield* page.items
  while (page.continue !== undefined) {
    page = await client.listPage(podDisruptionBudgets, namespace, { ...query, continue: page.continue }, signal)
    yield* page.items
  }
}
