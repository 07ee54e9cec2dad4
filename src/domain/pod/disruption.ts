import type { Pod, PodCondition } from '../../api/pod.ts'
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

// Reasons of the pod's own status: pods that the kubelet rejects because this node cannot take them, pods that it ends
// itself, and the node controller's verdict. A pod that it rejects for the pod's own spec is not a disruption, see
// podState.
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

/** Prefix of a reason that ends with the name of any resource. */
const SHORT_OF = 'OutOf'

/** Whether a condition says that something outside the job ends the pod. */
export function isDisruption({ type, status }: PodCondition): boolean {
  return type === 'DisruptionTarget' && status === 'True'
}

/** Whether the kubelet set the condition: it does so with the end of the pod, the others do before it. */
export function isByKubelet({ reason }: PodCondition): boolean {
  return reason === 'TerminationByKubelet'
}

/** The disruption in a pod's status, if any. One that came in a later second than the end of the container is none. */
export function disruptionOf(pod: Pod, endedAt?: string): Disruption | undefined {
  const { conditions = [], reason, message } = pod.status ?? {}
  const target = conditions.find((each) => isDisruption(each) && (isByKubelet(each) || !isLater(each, endedAt)))
  // The kubelet sets the same condition on every pod that it ends; the cause is in status.reason.
  const cause = causeOf(reason)
  if (cause !== undefined) return { reason: cause, message: message ?? target?.message ?? cause }
  const found = byCondition[target?.reason ?? '']
  return found === undefined ? undefined : { reason: found, message: target?.message ?? message ?? found }
}

function isLater({ lastTransitionTime }: PodCondition, endedAt: string | undefined): boolean {
  if (lastTransitionTime === undefined || endedAt === undefined) return false
  return Date.parse(lastTransitionTime) > Date.parse(endedAt)
}

/** Whether a kubelet gives this reason only for a pod that it rejects before it starts any container. */
export function isRejection(reason: string | undefined): boolean {
  return reason === 'NodeShutdown' || causeOf(reason) === 'Unschedulable'
}

function causeOf(reason = ''): FailureReason | undefined {
  return reason.startsWith(SHORT_OF) ? 'Unschedulable' : byStatus[reason]
}
