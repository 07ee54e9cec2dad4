import { expect } from 'chai'
import { type PodWarning, warningOf } from '../../../../src/domain/pod/warnings.ts'

function warning(reason: string, note: string, lastMs = 1): PodWarning {
  return { reason, note, lastMs }
}

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
})
