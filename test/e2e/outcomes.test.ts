import { expect } from 'chai'
import { asObject } from '../../src/kube/client/parse.ts'
import { printed } from './clients/rest.ts'
import type { Installation } from './installation/installation.ts'
import { installed } from './installation/installed.ts'
import { type PoolOptions, runsOn } from './installation/pools.ts'

/** A volume that is mounted. */
function volumeOf(source: object): PoolOptions {
  const volumes = [{ name: 'v', ...source }]
  return { container: { volumeMounts: [{ name: 'v', mountPath: '/v' }] }, pod: { volumes } }
}

/** A claim of a StorageClass that does not exist. */
const unprovided = {
  accessModes: ['ReadWriteOnce'],
  storageClassName: 'missing',
  resources: { requests: { storage: '1Mi' } },
}

/** Causes that keep a pod from starting, and their messages in the job's status. */
const troubles: [pool: string, reason: string, message: string][] = [
  ['no-image', 'ImagePull', '127.0.0.1:1: connect: connection refused'],
  ['no-secret', 'VolumeUnavailable', 'secret "missing" not found'],
  ['no-claim', 'VolumeUnavailable', 'persistentvolumeclaim "missing" not found'],
  ['no-class', 'VolumeUnavailable', 'storageclass.storage.k8s.io "missing" not found'],
  ['no-key', 'InvalidPod', "couldn't find key missing in ConfigMap"],
]

/** The cluster may be new to our kinds: then its garbage collector discovers them within half a minute. */
const GARBAGE_MS = 45_000

describe('a job on a real node', () => {
  const installation = installed({
    setUp: async (hub) =>
      Promise.all([
        hub.createPool('exit-3', { script: 'echo oh no; exit 3' }),
        hub.createPool('hungry', { script: 'sleep 1; x=aaaaaaaa; while :; do x=$x$x; done', memory: '24Mi' }),
        // No registry listens there: the pull fails at once.
        hub.createPool('no-image', {
          image: '127.0.0.1:1/does-not/exist:1',
          pod: { imagePullSecrets: [{ name: 'registry' }] },
        }),
        hub.createPool('forbidden', { privileged: true }),
        hub.createPool('long', { script: runsOn }),
        hub.createPool('no-secret', volumeOf({ secret: { secretName: 'missing' } })),
        hub.createPool('no-claim', volumeOf({ persistentVolumeClaim: { claimName: 'missing' } })),
        hub.createPool('no-class', volumeOf({ ephemeral: { volumeClaimTemplate: { spec: unprovided } } })),
        hub.createPool('no-key', {
          container: {
            env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'kube-root-ca.crt', key: 'missing' } } }],
          },
        }),
        hub.createPool('bad-hook', {
          script: runsOn,
          container: { lifecycle: { postStart: { exec: { command: ['/bin/false'] } } } },
        }),
        hub.createPool('bad-probe', {
          script: "trap 'exit 0' TERM; sleep 60 & wait",
          container: { livenessProbe: { exec: { command: ['/bin/false'] }, periodSeconds: 1, failureThreshold: 1 } },
        }),
        hub.createPool('gated', { pod: { schedulingGates: [{ name: 'example.com/queue' }] } }),
        hub.createPool('unprepared', { prepare: 'echo no disk; exit 4' }),
      ]),
  })
  let hub: Installation

  beforeEach(() => {
    hub = installation()
  })

  it('runs with the fields of its delegation, and shows them by REST and by kubectl', async () => {
    const workflow = 'CI $(SECRET) $(RUNNERHUB_REPOSITORY) $$(X) $HOME'
    const facts = { workflow, sha: 'abc123def456', ref: 'refs/heads/main', eventName: 'push', actor: 'someone' }
    const id = await hub.rest.delegate({ ...facts, runnerName: 'proxy-1', labels: ['self-hosted', 'docker'] })
    await hub.jobIs(id, { phase: 'Running' })
    const running = await hub.restShows(id, 'running')
    expect(running['startedAt']).to.be.a('string')
    expect(running['completedAt']).to.equal(null)

    const { status } = await hub.jobIs(id, { phase: 'Completed', reason: 'Succeeded', exitCode: 0 })
    const detail = await hub.restShows(id, 'completed')
    const pod = await hub.pod(id)
    expect(detail).to.include({ id, workflow, runnerName: 'proxy-1' })
    expect(detail['runnerId']).to.equal(running['runnerId']).and.equal(status.runnerRef?.uid)
    expect(detail['containerId']).to.equal(pod?.status?.containerStatuses?.[0]?.containerID)
    expect(Date.parse(String(detail['startedAt']))).to.be.at.most(Date.parse(String(detail['completedAt'])))
    expect(asObject(detail['metadata'])).to.include({ exitCode: 0, reason: 'Succeeded', proxyRunner: 'proxy-1' })

    expect(printed(await hub.rest.log(id))).to.include.members([
      `workflow:   ${workflow}`,
      'repository: owner/repo',
      'ref:        refs/heads/main',
      'commit:     abc123def456',
      'event:      push',
      'actor:      someone',
      'labels:     self-hosted,docker',
      `delegated by proxy-1 as ${id}`,
      'Job done',
    ])
    expect(await hub.kubectl('get', 'rj', id)).to.match(/Completed +Succeeded/)
    expect(await hub.kubectl('get', 'rj', id, '--output=jsonpath={.status.containerId}')).to.equal(
      detail['containerId'],
    )
    expect(await hub.kubectl('describe', 'rj', id)).to.include('exit code 0')
  })

  it('that exits with a code fails with that code', async () => {
    const id = await hub.rest.delegate({ labels: ['exit-3'] })
    await hub.jobIs(id, { phase: 'Failed', reason: 'ExitCode', exitCode: 3 })
    const detail = await hub.restShows(id, 'failed')
    expect(asObject(detail['metadata'])).to.include({ exitCode: 3, reason: 'ExitCode', message: 'exit code 3' })
    expect(await hub.kubectl('get', 'rj', id)).to.match(/Failed +ExitCode/)
    expect(printed(await hub.rest.log(id))).to.deep.equal(['oh no'])
  })

  it('whose image does not exist reports it, fails after START_TROUBLE_SECONDS, and leaves no pod waiting', async () => {
    const begun = performance.now()
    const id = await hub.rest.delegate({ labels: ['no-image'] })
    await hub.jobIs(id, { phase: 'Assigned', reason: 'ImagePull' })
    const { status } = await hub.jobIs(id, { phase: 'Failed', reason: 'ImagePull' })
    expect(performance.now() - begun).to.be.within(3000, 30_000)
    expect(status.message).to.include('127.0.0.1:1/does-not/exist:1').and.to.include('pull secrets (registry)')
    await hub.until('its pod to be gone', async () => (await hub.pod(id)) === undefined)
  })

  for (const [pool, reason, message] of troubles) {
    it(`whose pod does not start reports why, and fails with that: ${message}`, async () => {
      const id = await hub.rest.delegate({ labels: [pool] })
      await hub.jobIs(id, { phase: 'Assigned', reason })
      const { status } = await hub.jobIs(id, { phase: 'Failed', reason })
      expect(status.message).to.include(message)
      const { metadata } = await hub.restShows(id, 'failed')
      expect(asObject(metadata)).to.include({ reason, message: status.message })
      expect(await hub.kubectl('describe', 'rj', id)).to.include(message)
    })
  }

  it('whose postStart hook fails has failed for that', async () => {
    const id = await hub.rest.delegate({ labels: ['bad-hook'] })
    const { status } = await hub.jobIs(id, { phase: 'Failed', reason: 'HookFailed' })
    expect(status.message).to.include("the postStart hook of the job's container failed")
  })

  it('whose liveness probe fails has failed for that, though it then exits with code 0', async () => {
    const id = await hub.rest.delegate({ labels: ['bad-probe'] })
    const { status } = await hub.jobIs(id, { phase: 'Failed', reason: 'ProbeFailed', exitCode: 0 })
    expect(status.message).to.include("the liveness probe of the job's container failed")
  })

  it('whose pod is gated names the gate', async () => {
    const id = await hub.rest.delegate({ labels: ['gated'] })
    const { status } = await hub.jobIs(id, { phase: 'Assigned', reason: 'SchedulingGated' })
    expect(status.message).to.include('"example.com/queue"')
    await hub.kubectl('patch', 'rj', id, '--type=merge', '--patch={"spec":{"cancel":true}}')
    await hub.jobIs(id, { phase: 'Cancelled' })
  })

  it('whose init container fails shows that one’s log', async () => {
    const id = await hub.rest.delegate({ labels: ['unprepared'] })
    const { status } = await hub.jobIs(id, { phase: 'Failed', reason: 'ExitCode', exitCode: 4 })
    expect(status.message).to.include('init container prepare')
    expect(printed(await hub.rest.log(id))).to.deep.equal(['no disk'])
  })

  it('that uses more memory than its limit fails as out of memory', async () => {
    for (let attempt = 1; ; attempt += 1) {
      const id = await hub.rest.delegate({ labels: ['hungry'] })
      const { status } = await hub.jobIs(id, { phase: 'Failed' })
      // containerd may report the end before its reason: then the reason is lost (its issue 12260).
      const pod = await hub.pod(id)
      if (attempt < 3 && pod?.status?.containerStatuses?.[0]?.state?.terminated?.reason === 'Error') continue
      expect(status, await hub.report(id)).to.include({ reason: 'OOMKilled', exitCode: 137 })
      break
    }
  })

  it('whose pod the cluster rejects fails with its message', async () => {
    const id = await hub.rest.delegate({ labels: ['forbidden'] })
    const { status } = await hub.jobIs(id, { phase: 'Failed' })
    expect(status.reason).to.equal('AdmissionDenied')
    expect(status.message).to.include('violates PodSecurity "restricted')
  })

  it('whose pod is deleted by hand has failed, and is not run again', async () => {
    const id = await hub.rest.delegate({ labels: ['long'] })
    const { status: running } = await hub.jobIs(id, { phase: 'Running' })
    await hub.kubectl('delete', 'pod', `${id}-1`, '--wait=false')
    const { status } = await hub.jobIs(id, { phase: 'Failed', reason: 'PodDeleted' })
    expect(status.podUID).to.equal(running.podUID)
    await hub.until('its pod to be gone', async () => (await hub.pod(id)) === undefined)
  })

  it('that is cancelled by kubectl is stopped with its grace period, and keeps its log', async () => {
    const id = await hub.rest.delegate({ labels: ['long'] })
    await hub.jobIs(id, { phase: 'Running' })
    await hub.until('it to run', async () => (await hub.rest.log(id)).length > 0)
    const log = hub.rest.open('GET', `/api/jobs/${id}/logs?follow=true`).then((response) => response.text())
    await hub.kubectl('patch', 'rj', id, '--type=merge', '--patch={"spec":{"cancel":true}}')
    await hub.jobIs(id, { phase: 'Cancelled', reason: 'CancelRequested' })
    await hub.restShows(id, 'cancelled')
    expect(await log).to.match(/Z stopped\n$/)
    expect((await hub.rest.log(id)).at(-1)).to.match(/stopped$/)
    expect((await hub.pod(id))?.metadata).to.not.have.property('deletionTimestamp')
  })

  it('that takes longer than timeoutSeconds is stopped and fails', async () => {
    await hub.createJob('too-long', { labels: ['long'], timeoutSeconds: 5 })
    await hub.jobIs('too-long', { phase: 'Running' })
    const { status } = await hub.jobIs('too-long', { phase: 'Failed', reason: 'JobTimeout' })
    const ranMs = Date.parse(status.completedAt ?? '') - Date.parse(status.startedAt ?? '')
    expect(ranMs).to.be.within(4900, 15_000)
    await hub.until('its pod to be gone', async () => (await hub.pod('too-long')) === undefined)
  })

  it('that is deleted while it runs leaves nothing behind', async () => {
    const id = await hub.rest.delegate({ labels: ['long'] })
    await hub.jobIs(id, { phase: 'Running' })
    await hub.kubectl('delete', 'rj', id, '--wait=false')
    const isGone = async (): Promise<boolean> => (await hub.remainsOf(id)).length === 0
    await hub.until('nothing of it to remain', isGone, GARBAGE_MS)
  })
})
