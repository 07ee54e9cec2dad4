import type { Condition } from '../../api/object.ts'
import type { RunnerPool, RunnerPoolStatus } from '../../api/runner-pool.ts'
import { withCondition, withoutCondition } from '../conditions.ts'

/** Whether the operator sees which nodes are being drained; `none`: it does not look. */
export type NodeSight = 'none' | 'pending' | 'watched' | 'forbidden'

/** The condition of a pool with a deadline for drains. */
const DRAIN_DEADLINE = 'DrainDeadline'

const found = {
  watched: {
    status: 'True',
    reason: 'NodesWatched',
    message: 'jobs on a node that is being drained are stopped at the deadline',
  },
  forbidden: {
    status: 'False',
    reason: 'NodesForbidden',
    message:
      'the operator may not list and watch nodes, so that a drain waits until a job ends or reaches its ' +
      'timeoutSeconds: the ClusterRole runnerhub-nodes grants that right',
  },
} as const

/** What the pool's condition says newly; undefined if nothing. */
export function drainDeadlineNews(
  pool: RunnerPool,
  sight: NodeSight,
): Omit<Condition, 'lastTransitionTime'> | undefined {
  if (pool.spec.drainDeadlineSeconds === undefined || (sight !== 'watched' && sight !== 'forbidden')) return undefined
  const { metadata, status } = pool
  const condition = { type: DRAIN_DEADLINE, ...found[sight], observedGeneration: metadata.generation ?? 1 }
  const known = status?.conditions?.find(({ type }) => type === DRAIN_DEADLINE)
  return known?.status === condition.status && known.reason === condition.reason ? undefined : condition
}

/** The status of a pool whose condition has to change; undefined if it has not. */
export function drainDeadlineStatus(pool: RunnerPool, sight: NodeSight, now: Date): RunnerPoolStatus | undefined {
  const { spec, status } = pool
  const news = drainDeadlineNews(pool, sight)
  if (news !== undefined) return { ...status, conditions: withCondition(status?.conditions, news, now) }
  const isShown = status?.conditions?.some(({ type }) => type === DRAIN_DEADLINE) === true
  if (spec.drainDeadlineSeconds !== undefined || !isShown) return undefined
  return { ...status, conditions: withoutCondition(status.conditions, DRAIN_DEADLINE) }
}
