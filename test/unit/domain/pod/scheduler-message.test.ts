import { expect } from 'chai'
import { causesOf } from '../../../../src/domain/pod/scheduler-message.ts'

const preemption =
  'no new claims to deallocate, preemption: 0/5 nodes are available: 5 Preemption is not helpful for scheduling.'

describe('the message of the scheduler', () => {
  const cases: [what: string, message: string, causes: string][] = [
    ['one cause', '0/1 nodes are available: 1 Insufficient cpu.', 'no node takes the pod: Insufficient cpu'],
    [
      'several causes, and preemption',
      `0/5 nodes are available: 2 node(s) had untolerated taint {node.kubernetes.io/unreachable: }, 3 Insufficient memory. ${preemption}`,
      'no node takes the pod: Insufficient memory, node(s) had untolerated taint {node.kubernetes.io/unreachable: }',
    ],
    [
      'a cause with a comma',
      "0/2 nodes are available: 1 node(s) didn't match a, b, 1 Too many pods.",
      "no node takes the pod: Too many pods, node(s) didn't match a, b",
    ],
    [
      'a cause without a number',
      '0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/3 nodes are available.',
      'no node takes the pod: pod has unbound immediate PersistentVolumeClaims',
    ],
    ['another message', 'no nodes available to schedule pods', 'no nodes available to schedule pods'],
    ['no cause', '0/3 nodes are available: .', '0/3 nodes are available: .'],
  ]
  for (const [what, message, causes] of cases) {
    it(`is reduced to its causes: ${what}`, () => expect(causesOf(message)).to.equal(causes))
  }

  it('is the same while only nodes come and go', () => {
    const messages = [
      '0/5 nodes are available: 1 Too many pods, 4 Insufficient cpu. preemption: 0/5 nodes are available.',
      '0/6 nodes are available: 2 Insufficient cpu, 4 Too many pods. preemption: 0/6 nodes are available.',
      '0/12 nodes are available: 10 Insufficient cpu, 2 Too many pods.',
    ]
    expect(new Set(messages.map(causesOf))).to.have.property('size', 1)
  })
})
