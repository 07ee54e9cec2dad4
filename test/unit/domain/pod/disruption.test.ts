import { expect } from 'chai'
import type { FailureReason } from '../../../../src/api/reasons.ts'
import { disruptionOf } from '../../../../src/domain/pod/disruption.ts'
import { aPod } from '../../../objects/builders.ts'

const byCondition: [reason: string, says: FailureReason][] = [
  ['PreemptionByScheduler', 'Preempted'],
  ['DeletionByTaintManager', 'NodeLost'],
  ['DeletionByPodGC', 'NodeLost'],
  ['EvictionByEvictionAPI', 'Evicted'],
  ['TerminationByKubelet', 'Evicted'],
]
const byStatus: [reason: string, says: FailureReason][] = [
  ['Evicted', 'Evicted'],
  ['Preempting', 'Preempted'],
  ['DeadlineExceeded', 'JobTimeout'],
  ['NodeLost', 'NodeLost'],
  ['NodeShutdown', 'NodeLost'],
  ['Terminated', 'NodeLost'],
  ['OutOfcpu', 'Unschedulable'],
  ['OutOfmemory', 'Unschedulable'],
  ['OutOfpods', 'Unschedulable'],
  ['OutOfephemeral-storage', 'Unschedulable'],
  ['OutOfnvidia.com/gpu', 'Unschedulable'],
  ['NodeAffinity', 'Unschedulable'],
  ['NodeName', 'Unschedulable'],
  ['NodePorts', 'Unschedulable'],
  ['TaintToleration', 'Unschedulable'],
  ['TopologyAffinityError', 'Unschedulable'],
  ['SMTAlignmentError', 'Unschedulable'],
  ['VolumeAttachmentLimitExceeded', 'Unschedulable'],
  ['InvalidNodeInfo', 'Unschedulable'],
  ['UnexpectedAdmissionError', 'Unschedulable'],
  ['UnexpectedPredicateFailureType', 'Unschedulable'],
  ['UnknownReason', 'Unschedulable'],
]

describe('the disruption of a pod', () => {
  for (const [reason, says] of byCondition) {
    it(`is ${says} when its condition has ${reason}`, () => {
      const condition = { type: 'DisruptionTarget', status: 'True', reason, message: 'why' }
      expect(disruptionOf(aPod({ status: { conditions: [condition] } }))).to.deep.equal({
        reason: says,
        message: 'why',
      })
    })
  }

  for (const [reason, says] of byStatus) {
    it(`is ${says} when its status has ${reason}`, () => {
      const pod = aPod({ status: { phase: 'Failed', reason, message: 'why' } })
      expect(disruptionOf(pod)).to.deep.equal({ reason: says, message: 'why' })
    })
  }

  for (const [reason, says] of [
    ['Preempting', 'Preempted'],
    ['Terminated', 'NodeLost'],
  ] as const) {
    it(`is ${says} when the kubelet ended the pod with the status ${reason}`, () => {
      const condition = { type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet', message: 'killed' }
      const pod = aPod({ status: { phase: 'Failed', reason, message: 'why', conditions: [condition] } })
      expect(disruptionOf(pod)).to.deep.equal({ reason: says, message: 'why' })
    })
  }

  it('is none without a sign of one', () => {
    const planned = { type: 'DisruptionTarget', status: 'False', reason: 'EvictionByEvictionAPI' }
    const unknown = { type: 'DisruptionTarget', status: 'True', reason: 'Whim' }
    expect(disruptionOf(aPod())).to.equal(undefined)
    expect(disruptionOf(aPod({ status: { conditions: [planned] } }))).to.equal(undefined)
    expect(disruptionOf(aPod({ status: { conditions: [unknown], reason: 'SysctlForbidden' } }))).to.equal(undefined)
  })

  it('has a message in every case', () => {
    expect(disruptionOf(aPod({ status: { reason: 'Evicted' } }))).to.deep.equal({
      reason: 'Evicted',
      message: 'Evicted',
    })
  })
})
