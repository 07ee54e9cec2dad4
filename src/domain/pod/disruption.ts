import type { Pod } from '../../api/pod.ts'
import type { FailureReason } from '../../api/reasons.ts'

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

// Reasons of the pod's own status: the kubelet's refusals of what this node cannot take, what it ends itself, and the
// node controller's verdict. What it refuses because of the pod alone is none of these, see podState.
const byStatus: Readonly<Record<string, FailureReason>> = {
  Evicted: 'Evicted',
  Preempting: 'Preempted',
  DeadlineExceeded: 'JobTimeout',
  NodeLost: 'NodeLost',
  NodeShutdown: 'NodeLost',
  Terminated: 'NodeLost',
  NodeAffinity: 'Unschedulable',
  NodeName: 'Unschedulable',
  NodePorts: 'Unschedulable',
  TaintToleration: 'Unschedulable',
  TopologyAffinityError: 'Unschedulable',
  SMTAlignmentError: 'Unschedulable',
  VolumeAttachmentLimitExceeded: 'Unschedulable',
  InvalidNodeInfo: 'Unschedulable',
  UnexpectedAdmissionError: 'Unschedulable',
  UnexpectedPredicateFailureType: 'Unschedulable',
  UnknownReason: 'Unschedulable',
}

/** Before the name of a resource, of which there may be any. */
const SHORT_OF = 'OutOf'

/** The disruption that a pod's status tells of, if any. */
export function disruptionOf(pod: Pod): Disruption | undefined {
  const { conditions = [], reason, message } = pod.status ?? {}
  const target = conditions.find(({ type, status }) => type === 'DisruptionTarget' && status === 'True')
  // The kubelet gives one condition to all that it ends; why is in the status.
  const said = saidBy(reason)
  if (said !== undefined) return { reason: said, message: message ?? target?.message ?? said }
  const found = byCondition[target?.reason ?? '']
  return found === undefined ? undefined : { reason: found, message: target?.message ?? message ?? found }
}

function saidBy(reason = ''): FailureReason | undefined {
  return reason.startsWith(SHORT_OF) ? 'Unschedulable' : byStatus[reason]
}
