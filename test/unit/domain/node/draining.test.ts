import { expect } from 'chai'
import type { Node } from '../../../../src/api/node.ts'
import { isDraining } from '../../../../src/domain/node/draining.ts'
import { aNode, stamp } from '../../../objects/builders.ts'

const tainted = (key: string): Node => aNode({ spec: { taints: [{ key, effect: 'NoSchedule' }] } })

const cases: [what: string, node: Node, draining: boolean][] = [
  ['that is in use', aNode(), false],
  ['that is cordoned', aNode({ spec: { unschedulable: true } }), true],
  ['that is uncordoned again', aNode({ spec: { unschedulable: false } }), false],
  ['that is being deleted', aNode({ metadata: { deletionTimestamp: stamp(1) } }), true],
  ['that the Cluster Autoscaler removes', tainted('ToBeDeletedByClusterAutoscaler'), true],
  ['that Karpenter removes', tainted('karpenter.sh/disrupted'), true],
  ['that an older Karpenter removes', tainted('karpenter.sh/disruption'), true],
  ['that the Cluster Autoscaler only considers', tainted('DeletionCandidateOfClusterAutoscaler'), false],
  ['for special pods', tainted('nvidia.com/gpu'), false],
  ['that is short of memory', tainted('node.kubernetes.io/memory-pressure'), false],
]

describe('a node', () => {
  for (const [what, node, draining] of cases) {
    it(`${what} is ${draining ? '' : 'not '}being drained`, () => {
      expect(isDraining(node)).to.equal(draining)
    })
  }
})
