import { expect } from 'chai'
import type { Pod } from '../../../../src/api/pod.ts'
import { isExplainedByEvents, type PodWarning, warningOf as meaningOf } from '../../../../src/domain/pod/warnings.ts'
import { aContainer, aPod, running } from '../../../objects/builders.ts'

function warning(reason: string, note: string, lastMs = 1): PodWarning {
  return { reason, note, lastMs }
}

/** What they mean for a pod that its node sets up. */
const warningOf = (warnings: readonly PodWarning[]) => meaningOf(aPod(), warnings)

const secret = 'MountVolume.SetUp failed for volume "a" : secret "missing" not found'
const other = 'MountVolume.SetUp failed for volume "b" : configmap "missing" not found'
const unmounted = 'Unable to attach or mount volumes: unmounted volumes=[a], timed out waiting for the condition'
const sandbox = (id: string) => `Failed to create pod sandbox: network for sandbox "${id.repeat(64)}": no addresses`

describe('the Events of a pod that does not start', () => {
  const meanings: [reason: string, meaning: string][] = [
    ['FailedMount', 'VolumeUnavailable'],
    ['FailedAttachVolume', 'VolumeUnavailable'],
    ['FailedMapVolume', 'VolumeUnavailable'],
    ['FailedCreatePodSandBox', 'SandboxFailed'],
    ['FailedCreatePodContainer', 'SandboxFailed'],
    ['FailedPodSandBoxStatus', 'SandboxFailed'],
    ['NetworkNotReady', 'SandboxFailed'],
    ['FailedPrepareDynamicResources', 'SandboxFailed'],
    ['FailedSync', 'SandboxFailed'],
  ]
  for (const [reason, meaning] of meanings) {
    it(`mean ${meaning} at ${reason}, with their own message`, () => {
      expect(warningOf([warning(reason, 'note')])).to.deep.equal({ reason: meaning, message: 'note', fatal: false })
    })
  }

  for (const reason of ['Unhealthy', 'FailedScheduling', 'BackOff', 'Failed', 'DNSConfigForming', 'OfSomebody']) {
    it(`mean nothing at ${reason}: its status shows it, or it is not an obstacle`, () => {
      expect(warningOf([warning(reason, 'note')])).to.equal(undefined)
    })
  }

  for (const why of [
    'failed to sync secret cache: timed out waiting for the condition',
    'failed to sync configmap cache: timed out waiting for the condition',
    '[failed to fetch token: timeout, object "ns"/"kube-root-ca.crt" not registered]',
  ]) {
    it(`mean nothing while a kubelet's cache is late: ${why}`, () => {
      const late = warning('FailedMount', `MountVolume.SetUp failed for volume "a" : ${why}`, 2)
      expect(warningOf([late])).to.equal(undefined)
      expect(warningOf([warning('FailedMount', secret), late])).to.include({ message: secret })
    })
  }

  it('mean nothing if there are none', () => expect(warningOf([])).to.equal(undefined))

  it('mean the newest kind of trouble', () => {
    const [mount, network] = [warning('FailedMount', secret, 1), warning('FailedCreatePodSandBox', 'no network', 2)]
    expect(warningOf([mount, network])).to.include({ reason: 'SandboxFailed', message: 'no network' })
    expect(warningOf([{ ...mount, lastMs: 3 }, network])).to.include({ reason: 'VolumeUnavailable', message: secret })
  })

  it('name every volume, in whatever order the kubelet does', () => {
    const [one, two] = [warning('FailedMount', secret, 1), warning('FailedMount', other, 2)]
    expect(warningOf([one, two])?.message).to.equal(`${secret}; ${other}`)
    expect(warningOf([{ ...two, lastMs: 1 }, one])?.message).to.equal(`${secret}; ${other}`)
  })

  it('show why a volume is missing rather than that it is', () => {
    expect(warningOf([warning('FailedMount', unmounted, 9), warning('FailedMount', secret)])?.message).to.equal(secret)
    expect(warningOf([warning('FailedMount', unmounted)])?.message).to.equal(unmounted)
  })

  it('have the same message at every try, though each has another sandbox', () => {
    const tries = [sandbox('a'), `(combined from similar events): ${sandbox('b')}`]
    const waiting = warningOf(tries.map((note) => warning('FailedCreatePodSandBox', note)))
    expect(waiting?.message).to.equal('Failed to create pod sandbox: network for sandbox "…": no addresses')
  })

  it('mean that the node cannot create the folders of the pod, with a reason that has other meanings', () => {
    const message = 'error making pod data directories: no space left on device'
    const expected = { reason: 'SandboxFailed', message, fatal: false }
    expect(warningOf([warning('Failed', message)])).to.deep.equal(expected)
  })
})

const unscheduled = (message: string, reason = 'Unschedulable') => {
  return { conditions: [{ type: 'PodScheduled', status: 'False', reason, message }] }
}
const unbound = '0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.'
const uncreated =
  '0/1 nodes are available: waiting for ephemeral volume controller to create the persistentvolumeclaim "job-1-work".'

describe('the Events of a pod whose claims are not ready', () => {
  const without = aPod({ nodeName: null, status: {} })
  const claimed = { ...without, spec: { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }] } }
  const ephemeral = { ...without, spec: { volumes: [{ name: 'work', ephemeral: {} }] } }
  const device = { ...without, spec: { resourceClaims: [{ name: 'gpu' }] } }

  for (const [what, pod, reason, message] of [
    [
      'a claim that a quota refuses',
      { ...ephemeral, status: unscheduled(uncreated) },
      'FailedBinding',
      'ephemeral volume work: create PVC job-1-work: persistentvolumeclaims "job-1-work" is forbidden: exceeded quota: q',
    ],
    [
      'a claim of a missing StorageClass',
      { ...claimed, status: unscheduled(unbound) },
      'ProvisioningFailed',
      'storageclass.storage.k8s.io "fast" not found',
    ],
    [
      'a claim that is provisioned for the node of the pod, of which the scheduler says nothing meanwhile',
      claimed,
      'ProvisioningFailed',
      'failed to provision volume with StorageClass "fast": rpc error',
    ],
    [
      'a ResourceClaim without its template, of which no scheduler says anything',
      device,
      'FailedResourceClaimCreation',
      'PodResourceClaim gpu: resource claim template "gpu": resourceclaimtemplate.resource.k8s.io "gpu" not found',
    ],
  ] as const) {
    it(`mean an unavailable volume: ${what}`, () => {
      expect(isExplainedByEvents(pod)).to.equal(true)
      const expected = { reason: 'VolumeUnavailable', message, fatal: false }
      expect(meaningOf(pod, [warning(reason, message)])).to.deep.equal(expected)
    })
  }

  const others: [what: string, pod: Pod][] = [
    ['it needs no claim', { ...without, status: unscheduled(unbound) }],
    [
      'it waits for something else',
      { ...claimed, status: unscheduled('0/1 nodes are available: 1 Insufficient cpu.') },
    ],
    ['a claim is missing', { ...claimed, status: unscheduled('persistentvolumeclaim "data" not found') }],
    ['it is gated', { ...claimed, status: unscheduled('gated', 'SchedulingGated') }],
    [
      'it has a node',
      { ...claimed, spec: { ...claimed.spec, nodeName: 'node' }, status: { containerStatuses: [aContainer(running)] } },
    ],
  ]
  for (const [what, pod] of others)
    it(`are not read where ${what}`, () => expect(isExplainedByEvents(pod)).to.equal(false))

  it('are others than those of the pod on its node', () => {
    expect(meaningOf(claimed, [warning('FailedMount', secret)])).to.equal(undefined)
    expect(warningOf([warning('ProvisioningFailed', 'no class')])).to.equal(undefined)
  })
})

describe('the Events of a pod whose image cannot be pulled', () => {
  const blocked = aContainer({ waiting: { reason: 'ErrImagePull', message: '401 Unauthorized' } })
  const status = { conditions: [{ type: 'PodReadyToStartContainers', status: 'True' }], containerStatuses: [blocked] }
  const plain = aPod({ status })
  const pod = { ...plain, spec: { ...plain.spec, imagePullSecrets: [{ name: 'registry' }, { name: 'mirror' }] } }
  const note = (names: string) =>
    `Unable to retrieve some image pull secrets (${names}); attempting to pull the image may not succeed.`
  const unread = warning('FailedToRetrieveImagePullSecret', note('registry, mirror'))

  it('name the secrets that the kubelet did not find', () => {
    expect(isExplainedByEvents(pod)).to.equal(true)
    expect(meaningOf(pod, [unread, warning('Failed', 'Error: ErrImagePull')])).to.deep.equal({
      reason: 'ImagePull',
      message:
        'image image of container runner cannot be pulled, and the kubelet did not find its image pull secrets ' +
        '(registry, mirror): 401 Unauthorized',
      fatal: false,
    })
    const { conditions: _conditions, ...older } = status
    expect(meaningOf({ ...pod, status: older }, [unread])).to.deep.include({ reason: 'ImagePull' })
  })

  it('mean nothing without such a secret, or while the image can be pulled', () => {
    expect(isExplainedByEvents(plain)).to.equal(false)
    expect(meaningOf(pod, [warning('Failed', 'Error: ErrImagePull')])).to.equal(undefined)
    const pulling = {
      ...pod,
      status: { ...status, containerStatuses: [aContainer({ waiting: { reason: 'ContainerCreating' } })] },
    }
    expect(isExplainedByEvents(pulling)).to.equal(false)
    const settingUp = { ...pod, status: {} }
    expect(meaningOf(settingUp, [unread])).to.equal(undefined)
  })
})
