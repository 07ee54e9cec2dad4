import { expect } from 'chai'
import type { ContainerStatus, PodStatus } from '../../../../src/api/pod.ts'
import { isBeingSetUp, waitingOf } from '../../../../src/domain/pod/waiting.ts'
import { aContainer, aPod, running } from '../../../objects/builders.ts'

function container(reason: string, message?: string): ContainerStatus {
  return aContainer({ waiting: { reason, ...(message !== undefined && { message }) } })
}

function waiting(status: PodStatus) {
  return waitingOf(aPod({ status }))
}

const unscheduled = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes' }

describe('the waiting reason of a pod', () => {
  it('is a start, when nothing is wrong', () => {
    const starting = { reason: 'RunnerStarting', message: 'pod job-1 is starting', fatal: false }
    expect(waiting({})).to.deep.equal(starting)
    expect(waiting({ containerStatuses: [container('ContainerCreating')] })).to.deep.equal(starting)
    expect(waiting({ containerStatuses: [container('PodInitializing')] })).to.deep.equal(starting)
  })

  it('is a node, with the scheduler’s message', () => {
    const expected = { reason: 'Unschedulable', message: '0/3 nodes', fatal: false }
    expect(waiting({ conditions: [unscheduled] })).to.deep.equal(expected)
  })

  it('is a node also if the scheduler itself failed', () => {
    const failed = { ...unscheduled, reason: 'SchedulerError', message: 'binding volumes: timed out' }
    expect(waiting({ conditions: [failed] })).to.include({ reason: 'Unschedulable', message: failed.message })
  })

  it('is a scheduling gate while it is closed, by its name', () => {
    const gated = { ...unscheduled, reason: 'SchedulingGated', message: 'Scheduling is blocked' }
    const pod = aPod({ nodeName: null, status: { conditions: [gated] } })
    const gates = { schedulingGates: [{ name: 'kueue.x-k8s.io/admission' }, { name: 'b' }] }
    const message = 'pod job-1 waits for its scheduling gates: "kueue.x-k8s.io/admission", "b"'
    expect(waitingOf({ ...pod, spec: gates })).to.deep.equal({ reason: 'SchedulingGated', message, fatal: false })
    expect(waitingOf(pod)).to.include({ message: 'pod job-1 waits for its scheduling gates' })
  })

  const missing = [
    'persistentvolumeclaim "data" not found',
    'persistentvolumeclaim "data" is being deleted',
    'persistentvolumeclaim "data" bound to non-existent persistentvolume "pv-1"',
    'storageclass.storage.k8s.io "fast" not found',
    'resourceclaim "gpu" not found',
    'resourceclaim.resource.k8s.io "gpu" not found',
    'resourceclaim "gpu" is being deleted',
    'request gpu: device class gpu.example.com does not exist',
    'PVC ns/job-1-work was not created for pod ns/job-1 (pod is not owner)',
    'ResourceClaim ns/gpu was not created for pod ns/job-1 (pod is not owner)',
    'node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)',
    'no class for claim "data"',
  ]
  for (const what of missing) {
    it(`is a missing object of a volume or a device: ${what}`, () => {
      const message = `0/3 nodes are available: ${what}. preemption: 0/3 nodes are available.`
      const expected = { reason: 'VolumeUnavailable', message: `no node takes the pod: ${what}`, fatal: false }
      expect(waiting({ conditions: [{ ...unscheduled, message }] })).to.deep.equal(expected)
    })
  }

  it('is a missing object also where the scheduler failed because of it', () => {
    for (const message of [
      'binding volumes: provisioning failed for PVC "data"',
      'failed to find storage class "fast"',
    ]) {
      const failed = { ...unscheduled, reason: 'SchedulerError', message }
      expect(waiting({ conditions: [failed] })).to.deep.equal({ reason: 'VolumeUnavailable', message, fatal: false })
    }
  })

  it('is a node while a claim is not bound yet', () => {
    const message = '0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims.'
    expect(waiting({ conditions: [{ ...unscheduled, message }] }).reason).to.equal('Unschedulable')
  })

  const imageReasons = [
    'ErrImagePull',
    'ImagePullBackOff',
    'ErrImageNeverPull',
    'ImageInspectError',
    'RegistryUnavailable',
    'SignatureValidationFailed',
  ]
  for (const reason of imageReasons) {
    it(`is an image at ${reason}, with the registry’s message`, () => {
      const message = 'image image of container runner cannot be pulled: no such host'
      const expected = { reason: 'ImagePull', message, fatal: false }
      expect(waiting({ containerStatuses: [container(reason, 'no such host')] })).to.deep.equal(expected)
    })
  }

  const pulls: [says: string, cause: string][] = [
    ['', ''],
    ['Back-off pulling image "image"', ''],
    ['Back-off pulling image "image": ErrImagePull: image: not found', ': image: not found'],
    ['rpc error: code = NotFound desc = image: not found', ': rpc error: code = NotFound desc = image: not found'],
    [
      'Head "https://me:secret@registry/v2/x?token=secret": 401 Unauthorized',
      ': Head "https://registry/v2/x": 401 Unauthorized',
    ],
  ]
  for (const [says, cause] of pulls) {
    it(`is an image, with the registry’s message and no secret: ${says}`, () => {
      const { message } = waiting({ containerStatuses: [container('ImagePullBackOff', says)] })
      expect(message).to.equal(`image image of container runner cannot be pulled${cause}`)
    })
  }

  it('is the postStart hook of a sidecar', () => {
    const expected = { reason: 'HookFailed', message: 'the postStart hook of container runner failed', fatal: false }
    expect(waiting({ initContainerStatuses: [container('PostStartHookError', 'x')] })).to.deep.equal(expected)
  })

  it('is fatal when the image has no valid name', () => {
    expect(waiting({ containerStatuses: [container('InvalidImageName')] })).to.include({
      reason: 'ImagePull',
      fatal: true,
    })
  })

  const settings = ['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError', 'OfSomeLaterKubelet']
  for (const reason of settings) {
    it(`is the pod’s own setting at ${reason}, with the kubelet’s message`, () => {
      const expected = { reason: 'InvalidPod', message: 'secret "x" not found', fatal: false }
      expect(waiting({ containerStatuses: [container(reason, 'secret "x" not found')] })).to.deep.equal(expected)
      expect(waiting({ containerStatuses: [container(reason)] }).message).to.equal(reason)
    })
  }

  const trying = { ...aContainer(running, 'docker'), restartCount: 2, started: false }
  const crashing: Record<string, ContainerStatus> = {
    'waits to be restarted': aContainer({ waiting: { reason: 'CrashLoopBackOff', message: 'back-off 20s' } }, 'docker'),
    'was restarted without success': trying,
    'has just ended': { ...trying, state: { terminated: { exitCode: 1 } } },
  }
  for (const [what, docker] of Object.entries(crashing)) {
    it(`is a sidecar that keeps exiting, with one steady message, also when it ${what}`, () => {
      const initContainerStatuses = [aContainer({ terminated: { exitCode: 0 } }, 'fetch'), docker]
      const expected = { reason: 'InvalidPod', message: 'container docker keeps exiting', fatal: false }
      expect(waiting({ initContainerStatuses, containerStatuses: [container('PodInitializing')] })).to.deep.equal(
        expected,
      )
    })
  }

  it('is not an init container that starts for the first time, is ready, or has done its work', () => {
    const fine = [{ restartCount: 0 }, { started: true }, { state: { terminated: { exitCode: 0 } } }]
    for (const given of fine) {
      expect(waiting({ initContainerStatuses: [{ ...trying, ...given }] }).reason).to.equal('RunnerStarting')
    }
  })

  it('is also found at an init container and at a sidecar', () => {
    const blocked = container('ImagePullBackOff')
    const other = aContainer({ waiting: { reason: 'PodInitializing' } }, 'other')
    expect(waiting({ initContainerStatuses: [blocked], containerStatuses: [other] }).reason).to.equal('ImagePull')
    expect(waiting({ containerStatuses: [aContainer(running, 'sidecar'), blocked] }).reason).to.equal('ImagePull')
  })
})

describe('the setting up of a pod', () => {
  const ready = { type: 'PodReadyToStartContainers', status: 'True' }
  const creating = container('ContainerCreating')
  const pods: [what: string, pod: ReturnType<typeof aPod>, isSetUp: boolean][] = [
    ['has not started without a node', aPod({ nodeName: null }), false],
    ['lasts while containers are created', aPod({ status: { containerStatuses: [creating] } }), true],
    ['lasts before there is any status', aPod({ status: {} }), true],
    ['ends with its sandbox', aPod({ status: { conditions: [ready], containerStatuses: [creating] } }), false],
    [
      'lasts while there is no sandbox',
      aPod({ status: { conditions: [{ ...ready, status: 'False' }], containerStatuses: [creating] } }),
      true,
    ],
    [
      'ends with its first container',
      aPod({ status: { initContainerStatuses: [aContainer(running, 'first')], containerStatuses: [creating] } }),
      false,
    ],
    ['ends when it runs', aPod({ status: { containerStatuses: [aContainer(running)] } }), false],
  ]
  for (const [what, pod, isSetUp] of pods) it(what, () => expect(isBeingSetUp(pod)).to.equal(isSetUp))
})
