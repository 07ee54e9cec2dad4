import type { Pod } from '../api/pod.ts'
import type { FailureReason } from '../api/reasons.ts'

/** Something outside the job that ended its pod. */
export interface Disruption {
  reason: FailureReason
  message: string
}

// Reasons of the DisruptionTarget condition:
// https://kubernetes.io/docs/concepts/workloads/pods/disruptions/#pod-disruption-conditions
const byCondition: Readonly<Record<string, FailureReason>> = {
  PreemptionByScheduler: 'Preempted',
  DeletionByTaintManager: 'NodeLost',
  DeletionByPodGC: 'NodeLost',
  EvictionByEvictionAPI: 'Evicted',
  TerminationByKubelet: 'Evicted',
}

// Reasons of the pod's own status: the kubelet's refusals and evictions, and the node controller's verdict.
const byStatus: Readonly<Record<string, FailureReason>> = {
  Evicted: 'Evicted',
  Preempting: 'Preempted',
  NodeLost: 'NodeLost',
  NodeShutdown: 'NodeLost',
  Terminated: 'NodeLost',
  OutOfcpu: 'Unschedulable',
  OutOfmemory: 'Unschedulable',
  OutOfpods: 'Unschedulable',
  NodeAffinity: 'Unschedulable',
  UnexpectedAdmissionError: 'Unschedulable',
}

/** The disruption that a pod's status tells of, if any. */
export function disruptionOf(pod: Pod): Disruption | undefined {
  const { conditions = [], reason = '', message } = pod.status ?? {}
  const target = conditions.find(({ type, status }) => type === 'DisruptionTarget' && status === 'True')
  const found = byCondition[target?.reason ?? ''] ?? byStatus[reason]
  if (found === undefined) return undefined
  return { reason: found, message: target?.message ?? message ?? found }
}
