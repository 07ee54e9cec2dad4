import type { PodState } from '../pod/state.ts'
import { drainMessageOf, isPastDrain } from './draining.ts'
import { leftMsOf } from './endings.ts'
import type { Move } from './status.ts'
import type { JobView } from './view.ts'

/** Why a job has to stop, and how it ends if its pod does not end before. */
export interface StopRequest {
  phase: 'Cancelled' | 'Failed'
  reason: 'CancelRequested' | 'Drained' | 'ProxyLost'
  message: string
}

/** How long after the limit of its stage the end of a stopped job is waited for: longer than any grace period. */
const UNANSWERED_MS = 3_600_000

const stopReasons = ['CancelRequested', 'Drained', 'ProxyLost'] as const satisfies StopRequest['reason'][]

/** Reasons of an end that the request caused, or that came before the job could end. */
const cutShort: ReadonlySet<Move['reason']> = new Set([
  'CancelRequested',
  'Drained',
  'Evicted',
  'JobTimeout',
  'NodeLost',
  'PodDeleted',
  'Preempted',
  'Unschedulable',
] as const)

/** Why the job has to stop, if it has to. What was begun goes on, even if the proxy runner is heard of again. */
export function stopRequestOf(view: JobView): StopRequest | undefined {
  const { spec } = view.job
  if (spec.cancel) return { phase: 'Cancelled', reason: 'CancelRequested', message: 'cancelled on request' }
  if (isProxyLost(view)) {
    const message = `proxy runner ${spec.runnerName ?? ''} missed three heartbeats, so nobody waits for the result`
    return { phase: 'Failed', reason: 'ProxyLost', message }
  }
  if (!wasStopped(view.job, 'Drained') && !isPastDrain(view)) return undefined
  return { phase: 'Failed', reason: 'Drained', message: drainMessageOf(view) }
}

function isProxyLost({ job, proxyLostAt, now }: JobView): boolean {
  return wasStopped(job, 'ProxyLost') || (proxyLostAt !== undefined && proxyLostAt <= now)
}

/** Whether its pod has been asked to end for this reason: the status says so before the pod is changed. */
function wasStopped({ status }: Pick<JobView['job'], 'status'>, reason: StopRequest['reason']): boolean {
  return status.phase === 'Running' && status.reason === reason
}

/** Whether the pod of a job that has to stop may still do something, for which it has its grace period. */
export function isStopping(view: JobView): boolean {
  return mayDoMore(view) && stoppingMsOf(view) > 0
}

function mayDoMore({ job, pod }: JobView): boolean {
  switch (pod.is) {
    case 'absent':
    case 'lost':
      return false
    case 'waiting':
      // Of a pod that no kubelet has, nothing runs.
      return pod.facts.nodeName !== undefined
    case 'running':
    case 'ending':
      return true
    case 'exited':
      // Whether its deadline ended it, the kubelet reports with the end of the whole pod.
      return wasAsked(job) && !pod.facts.isTerminal && !pod.facts.isDeleting
    default:
      return pod satisfies never
  }
}

/** How long its end is waited for at most. */
export function stoppingMsOf(view: JobView): number {
  const { pod, now } = view
  const leftMs = leftMsOf(view) + UNANSWERED_MS
  return pod.is === 'ending' ? Math.min(leftMs, pod.giveUpAt.getTime() - now.getTime()) : leftMs
}

/** Whether the pod still has to be stopped. */
export function needsStop(pod: PodState): boolean {
  if (pod.is !== 'running' && pod.is !== 'waiting') return false
  return !pod.facts.isDeleting && pod.facts.expiring !== true
}

/** The end of a job that had to stop: its own end if the pod ended before the request took effect, else the request's. */
export function afterRequest(view: JobView, end: Move | undefined): Move | undefined {
  const request = stopRequestOf(view)
  if (end === undefined || request === undefined || !wasAsked(view.job) || !cutShort.has(end.reason)) return end
  const code = end.exitCode === undefined ? '' : ` (exit code ${end.exitCode})`
  return { ...end, ...request, message: `${request.message}${code}` }
}

/** Whether its pod has been asked to end. */
function wasAsked({ status }: JobView['job']): boolean {
  return stopReasons.some((reason) => wasStopped({ status }, reason))
}
