import type { Condition } from '../../api/object.ts'
import type { RunnerJobStatus } from '../../api/runner-job.ts'
import { NODE_DRAINING, withCondition, withoutCondition } from '../conditions.ts'
import type { JobView } from './view.ts'

/** How long a running job has until it is stopped because its node is being drained. */
export interface DrainDeadline {
  leftMs: number
  message: string
}

type DrainView = Pick<JobView, 'job' | 'pod' | 'pool' | 'isDraining' | 'now'>

/** The deadline of a job whose node is being drained; undefined if it has none. */
export function drainDeadlineOf(view: DrainView): DrainDeadline | undefined {
  const { job, pod, pool, isDraining, now } = view
  const seconds = pool?.spec.drainDeadlineSeconds
  if (pool === undefined || seconds === undefined || isDraining !== true || pod.is !== 'running') return undefined
  const sinceMs = Date.parse(conditionOf(job.status)?.lastTransitionTime ?? now.toISOString())
  const name = pool.metadata.name
  return {
    leftMs: sinceMs + seconds * 1000 - now.getTime(),
    message: `node ${pod.facts.nodeName ?? ''} is being drained: drainDeadlineSeconds of RunnerPool ${name} is ${seconds} s`,
  }
}

/** Whether the job has to stop for a drain: its status has shown the drain for as long as its pool allows. */
export function isPastDrain(view: DrainView): boolean {
  const deadline = drainDeadlineOf(view)
  return deadline !== undefined && conditionOf(view.job.status) !== undefined && deadline.leftMs <= 0
}

/** Why a job is stopped for a drain, also once its pod has ended: its status has shown it. */
export function drainMessageOf(view: DrainView): string {
  return drainDeadlineOf(view)?.message ?? conditionOf(view.job.status)?.message ?? 'its node was drained'
}

/** The status with the condition that its node is being drained, or without it if that is over. */
export function withDrain(view: DrainView, status: RunnerJobStatus): RunnerJobStatus {
  const { job, pool, isDraining, now } = view
  const { conditions = [] } = status
  const deadline = drainDeadlineOf(view)
  if (deadline === undefined) {
    const isOver = isDraining === false || pool?.spec.drainDeadlineSeconds === undefined
    return isOver ? { ...status, conditions: withoutCondition(conditions, NODE_DRAINING) } : status
  }
  const observedGeneration = job.metadata.generation ?? 1
  const { message } = deadline
  const condition = { type: NODE_DRAINING, status: 'True', reason: NODE_DRAINING, message, observedGeneration } as const
  return { ...status, conditions: withCondition(conditions, condition, now) }
}

function conditionOf({ conditions }: RunnerJobStatus): Condition | undefined {
  return conditions?.find(({ type }) => type === NODE_DRAINING)
}
