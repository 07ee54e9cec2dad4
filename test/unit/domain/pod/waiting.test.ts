import { expect } from 'chai'
import type { ContainerStatus, PodStatus } from '../../../../src/api/pod.ts'
import { waitingOf } from '../../../../src/domain/pod/waiting.ts'
import { aContainer, aPod, running } from '../../../objects/builders.ts'

function container(reason: string, message?: string): ContainerStatus {
  return aContainer({ waiting: { reason, ...(message !== undefined && { message }) } })
}

function waiting(status: PodStatus) {
  return waitingOf(aPod({ status }))
}

const unscheduled = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes' }

describe('what a pod waits for', () => {
  it('is a start, when nothing is wrong', () => {
    const starting = { reason: 'RunnerStarting', message: 'pod job-1 is starting', fatal: false }
    expect(waiting({})).to.deep.equal(starting)
    expect(waiting({ containerStatuses: [container('ContainerCreating')] })).to.deep.equal(starting)
    expect(waiting({ containerStatuses: [container('PodInitializing')] })).to.deep.equal(starting)
  })

  it('is a node, in the words of the scheduler', () => {
    const said = { reason: 'Unschedulable', message: '0/3 nodes', fatal: false }
    expect(waiting({ conditions: [unscheduled] })).to.deep.equal(said)
  })

  it('is not a node while a scheduling gate is closed', () => {
    expect(waiting({ conditions: [{ ...unscheduled, reason: 'SchedulingGated' }] }).reason).to.equal('RunnerStarting')
  })

  const imageReasons = [
    'ErrImagePull',
    'ImagePullBackOff',
    'ErrImageNeverPull',
    'ImageInspectError',
    'RegistryUnavailable',
  ]
  for (const reason of imageReasons) {
    it(`is an image at ${reason}, told in one steady text`, () => {
      const said = { reason: 'ImagePull', message: 'image image of container runner cannot be pulled', fatal: false }
      expect(waiting({ containerStatuses: [container(reason, 'dial tcp, attempt 7')] })).to.deep.equal(said)
    })
  }

  it('is hopeless when the image has no valid name', () => {
    expect(waiting({ containerStatuses: [container('InvalidImageName')] })).to.include({
      reason: 'ImagePull',
      fatal: true,
    })
  })

  for (const reason of ['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError']) {
    it(`is the pod’s own setting at ${reason}, in the words of the kubelet`, () => {
      const said = { reason: 'InvalidPod', message: 'secret "x" not found', fatal: false }
      expect(waiting({ containerStatuses: [container(reason, 'secret "x" not found')] })).to.deep.equal(said)
      expect(waiting({ containerStatuses: [container(reason)] }).message).to.equal(reason)
    })
  }

  const trying = { ...aContainer(running, 'docker'), restartCount: 2, started: false }
  const crashing: Record<string, ContainerStatus> = {
    'waits to be started again': aContainer(
      { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 20s' } },
      'docker',
    ),
    'was started again, in vain so far': trying,
    'has just ended': { ...trying, state: { terminated: { exitCode: 1 } } },
  }
  for (const [what, docker] of Object.entries(crashing)) {
    it(`is a sidecar that keeps ending, in one steady text, also when it ${what}`, () => {
      const initContainerStatuses = [aContainer({ terminated: { exitCode: 0 } }, 'fetch'), docker]
      const said = { reason: 'InvalidPod', message: 'container docker ends again and again', fatal: false }
      expect(waiting({ initContainerStatuses, containerStatuses: [container('PodInitializing')] })).to.deep.equal(said)
    })
  }

  it('is not an init container that starts for the first time, is ready, or has done its work', () => {
    const fine = [{ restartCount: 0 }, { started: true }, { state: { terminated: { exitCode: 0 } } }]
    for (const given of fine) {
      expect(waiting({ initContainerStatuses: [{ ...trying, ...given }] }).reason).to.equal('RunnerStarting')
    }
  })

  it('is found at an init container and at a sidecar as well', () => {
    const blocked = container('ImagePullBackOff')
    const other = aContainer({ waiting: { reason: 'PodInitializing' } }, 'other')
    expect(waiting({ initContainerStatuses: [blocked], containerStatuses: [other] }).reason).to.equal('ImagePull')
    expect(waiting({ containerStatuses: [aContainer(running, 'sidecar'), blocked] }).reason).to.equal('ImagePull')
  })
})
