import { isDeepStrictEqual } from 'node:util'
import { expect } from 'chai'
import { JOB_LABEL } from '../../../src/api/names.ts'
import { runnerJobs } from '../../../src/api/runner-job.ts'
import { runnerPools } from '../../../src/api/runner-pool.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { exited, ignored, isSetUp, running, runs, type Script, unschedulable, waitsFor } from '../../kubelet/script.ts'
import { warn } from '../../kubelet/warn.ts'
import type { Operator } from '../../processes/operator.ts'
import { call } from '../../site/calls/call.ts'
import { scrape } from '../../site/calls/metrics.ts'
import { closeByQuota, openQuota } from '../../site/quota.ts'
import { openSite, type Site } from '../../site/site.ts'

const forever = new AbortController().signal

describe('the waiting reason of a job', function () {
  this.timeout('60s')
  let site: Site
  let operator: Operator

  before(async () => {
    site = await openSite()
    await site.createPool('default', { labels: ['linux'] })
    await site.createPool('full', { labels: ['full'], maxRunners: 1 })
    await closeByQuota(site, 'counted')
    const containers = [{ name: 'runner', image: 'runner' }]
    const gates = { schedulingGates: [{ name: 'example.com/queue' }] }
    await site.createPool('gated', { labels: ['gated'], template: { spec: { containers, ...gates } } })
    const imagePullSecrets = [{ name: 'registry' }]
    await site.createPool('private', { labels: ['private'], template: { spec: { containers, imagePullSecrets } } })
    operator = await site.operator()
    const scripts: Record<string, Script> = {
      homeless: unschedulable(),
      unclaimed: unschedulable('0/1 nodes are available: persistentvolumeclaim "data" not found.'),
      unpulled: waitsFor('ErrImagePull', 'registry.example.com/x: not found'),
      private: waitsFor('ErrImagePull', 'pull access denied'),
      unmounted: isSetUp(),
      unconnected: isSetUp(),
      gated: ignored(),
    }
    site.kubelet.onPod(({ metadata }) => scripts[metadata.labels?.[JOB_LABEL] ?? ''] ?? runs())
    await site.createJob('first', { labels: ['full'] })
    await site.jobIs('first', { phase: 'Running' })
    await Promise.all([
      site.createJob('strange', { labels: ['linux', 'windows'] }),
      site.createJob('second', { labels: ['full'] }),
      ...['homeless', 'unclaimed', 'unmounted', 'unconnected'].map((job) => site.createJob(job, { labels: ['linux'] })),
      site.createJob('gated', { labels: ['gated'] }),
      site.createJob('unpulled', { labels: ['linux'] }),
      site.createJob('private', { labels: ['private'] }),
      site.createJob('counted', { labels: ['counted'] }),
    ])
  })
  afterEach(() => site.checkInvariants())
  after(() => site.close())

  it('NoMatchingPool: names the labels, and the job starts when a pool offers them', async () => {
    const { status } = await site.jobIs('strange', { phase: 'Queued', reason: 'NoMatchingPool' })
    expect(status.message).to.equal('no RunnerPool offers the label "windows"; the job requests "linux", "windows"')
    await site.eventRecorded('strange', 'NoMatchingPool')
    await site.createPool('strange', { labels: ['Linux', 'Windows', 'x64'] })
    await site.jobIs('strange', { phase: 'Running' })
    expect((await site.runner('strange'))?.spec.poolName).to.equal('strange')
  })

  it('PoolFull: names the pool, and the job starts when a slot is free', async () => {
    const { status } = await site.jobIs('second', { phase: 'Queued', reason: 'PoolFull' })
    expect(status.message).to.equal('waiting for a free slot in RunnerPool full')
    expect(await site.runner('second'), 'no Runner before there is a place').to.equal(undefined)
    await site.kubelet.apply('first-1', (pod) => exited(pod, 0))
    await site.jobIs('second', { phase: 'Running' })
  })

  it('PoolFull: the job also starts when the limit is raised', async () => {
    await site.createJob('third', { labels: ['full'] })
    await site.jobIs('third', { phase: 'Queued', reason: 'PoolFull' })
    const key = { namespace: site.namespace, name: 'full' }
    await site.client.patchMerge(runnerPools, key, { spec: { maxRunners: 2 } }, forever)
    await site.jobIs('third', { phase: 'Running' })
  })

  it('NoMatchingPool: replaces PoolFull when the pool is deleted, until a pool has its labels again', async () => {
    await site.createJob('fourth', { labels: ['full'] })
    await site.jobIs('fourth', { phase: 'Queued', reason: 'PoolFull' })
    await site.delete(runnerPools, 'full')
    await site.jobIs('fourth', { phase: 'Queued', reason: 'NoMatchingPool' })
    await site.createPool('full-again', { labels: ['full'] })
    await site.jobIs('fourth', { phase: 'Running' })
    expect((await site.job('second'))?.status.phase, 'a job that ran in the deleted pool').to.equal('Running')
  })

  it('Unschedulable: has the scheduler’s message, and the job starts when a node takes the pod', async () => {
    const { status } = await site.jobIs('homeless', { phase: 'Assigned', reason: 'Unschedulable' })
    expect(status.message).to.include('Insufficient cpu')
    expect(status.conditions?.find(({ type }) => type === 'Waiting')).to.include({ reason: 'Unschedulable' })
    await site.kubelet.apply('homeless-1', 'bind', running)
    await site.jobIs('homeless', { phase: 'Running' })
  })

  it('ImagePull: lasts for a while, and the job starts when the image appears', async () => {
    const { status } = await site.jobIs('unpulled', { phase: 'Assigned', reason: 'ImagePull' })
    const message = 'image runner of container runner cannot be pulled: registry.example.com/x: not found'
    expect(status.message).to.equal(message)
    const backOff = { waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling image "runner"' } }
    const common = { name: 'runner', image: 'runner', imageID: '', ready: false, restartCount: 0 }
    await site.kubelet.apply('unpulled-1', () => ({ containerStatuses: [{ ...common, state: backOff }] }))
    await site.createJob('afterwards', { poolName: 'default' })
    await site.jobIs('afterwards', { phase: 'Running' })
    expect((await site.job('unpulled'))?.status.message, 'once it waits to pull again').to.equal(message)
    await site.kubelet.apply('unpulled-1', running)
    const { status: now } = await site.jobIs('unpulled', { phase: 'Running' })
    expect(now.conditions?.some(({ type }) => type === 'Waiting')).to.equal(false)
  })

  it('ImagePull: also names missing image pull secrets, which only a kubelet Event has', async () => {
    const { status } = await site.jobIs('private', { phase: 'Assigned', reason: 'ImagePull' })
    expect(status.message).to.equal('image runner of container runner cannot be pulled: pull access denied')
    const pod = (await site.pod('private')) ?? expect.fail('no pod')
    const note = 'Unable to retrieve some image pull secrets (registry); attempting to pull the image may not succeed.'
    await warn(site.client, pod, { reason: 'FailedToRetrieveImagePullSecret', message: note })
    const what = 'image runner of container runner cannot be pulled'
    const message = `${what}, and the kubelet did not find its image pull secrets (registry): pull access denied`
    await site.jobIs('private', { phase: 'Assigned', reason: 'ImagePull', message }, 5000)
  })

  it('SchedulingGated: names the gates, with which another controller holds the pod', async () => {
    const { status } = await site.jobIs('gated', { phase: 'Assigned', reason: 'SchedulingGated' })
    expect(status.message).to.include('"example.com/queue"')
    await site.eventRecorded('gated', 'SchedulingGated')
  })

  it('VolumeUnavailable: has the scheduler’s message about a missing claim', async () => {
    const { status } = await site.jobIs('unclaimed', { phase: 'Assigned', reason: 'VolumeUnavailable' })
    expect(status.message).to.include('persistentvolumeclaim "data" not found')
  })

  for (const [job, event, reason, message] of [
    ['unmounted', 'FailedMount', 'VolumeUnavailable', 'MountVolume.SetUp failed for volume "v" : secret "x" not found'],
    ['unconnected', 'FailedCreatePodSandBox', 'SandboxFailed', 'Failed to create pod sandbox: no addresses left'],
  ] as const) {
    it(`${reason}: appears within 5 s in status, Event, REST and metric, though only kubelet Events have it`, async () => {
      await site.kubeletHas(job)
      await site.jobIs(job, { phase: 'Assigned', reason: 'RunnerStarting' })
      const pod = await site.pod(job)
      if (pod === undefined) throw new Error('no pod')
      await warn(site.client, pod, { reason: event, message })
      const { metadata } = await site.jobIs(job, { phase: 'Assigned', reason, message }, 5000)
      await site.eventRecorded(job, reason)
      const { body } = await call(`${operator.url}/api/jobs/${metadata.uid}`)
      expect(asObject(asObject(body['data'])['metadata'])).to.include({ reason, message })
      const metrics = await scrape(operator)
      expect(metrics.get(`github_runnerhub_waiting_jobs{reason="${reason}"}`)).to.be.at.least(1)
      await site.kubelet.apply(`${job}-1`, running)
      await site.jobIs(job, { phase: 'Running' })
    })
  }

  it('QuotaExceeded: is not a failure, and the job starts when the quota allows it', async () => {
    const { status } = await site.jobIs('counted', { phase: 'Assigned', reason: 'QuotaExceeded' })
    expect(status.message).to.include('few')
    await openQuota(site)
    await site.jobIs('counted', { phase: 'Running' })
  })

  it('RepositoryLimit: lets another repository pass, and the pool shows what it does and which limits it has reached', async () => {
    await site.createPool('shared', { labels: ['shared'], maxRunners: 9, perRepository: { maxRunning: 1 } })
    await site.createJob('one', { labels: ['shared'], repository: 'team/a' })
    await site.jobIs('one', { phase: 'Running' })
    const [waiting] = await Promise.all([
      site.createJob('two', { labels: ['shared'], repository: 'Team/A' }),
      site.createJob('other', { labels: ['shared'], repository: 'team/b' }),
    ])
    await site.jobIs('two', { phase: 'Queued', reason: 'RepositoryLimit' })
    await site.jobIs('other', { phase: 'Running' })
    await site.until('the usage in the status of the pool', async () => {
      const shared = (await site.get(runnerPools, 'shared'))?.status
      const since = new Date(shared?.oldestQueuedAt ?? 0).toISOString()
      const usage = [shared?.running, shared?.starting, shared?.queued, since, shared?.limitsReached]
      const { creationTimestamp } = waiting.metadata
      return isDeepStrictEqual(usage, [
        2,
        0,
        1,
        new Date(creationTimestamp).toISOString(),
        ['perRepository.maxRunning'],
      ])
    })
    expect((await site.job('two'))?.status.queuePosition).to.equal(1)
    await site.kubelet.apply('one-1', (pod) => exited(pod, 0))
    const { status } = await site.jobIs('two', { phase: 'Running' })
    expect(status.poolName).to.equal('shared')
    expect(status).to.not.have.property('queuePosition')
  })

  it('PoolPaused: what runs goes on to its end, and the rest starts when the pool is resumed', async () => {
    const key = { namespace: site.namespace, name: 'shared' }
    await site.client.patchMerge(runnerPools, key, { spec: { paused: true } }, forever)
    await site.until('the pool to show its pause', async () => {
      return (await site.get(runnerPools, 'shared'))?.status?.limitsReached?.includes('paused') === true
    })
    await site.createJob('three', { labels: ['shared'], repository: 'team/c' })
    await site.jobIs('three', { phase: 'Queued', reason: 'PoolPaused' })
    await site.eventRecorded('three', 'PoolPaused')
    await site.kubelet.apply('two-1', (pod) => exited(pod, 0))
    await site.jobIs('two', { phase: 'Completed' })
    await site.client.patchMerge(runnerPools, key, { spec: { paused: false } }, forever)
    await site.jobIs('three', { phase: 'Running' })
  })

  it('starts jobs by priority: of the job, else of the rules of its pool', async () => {
    const priorities = [{ priority: 10, workflow: 'Release*' }]
    await site.createPool('ranked', { labels: ['ranked'], maxRunners: 1, priorities })
    await site.createJob('first-come', { labels: ['ranked'] })
    await site.jobIs('first-come', { phase: 'Running' })
    await site.createJob('plain', { labels: ['ranked'], workflow: 'CI' })
    const { metadata } = await site.jobIs('plain', { reason: 'PoolFull', queuePosition: 1 })
    for (const [name, workflow] of [
      ['release', 'Release it'],
      ['bumped', 'CI'],
    ] as const)
      await site.createJob(name, { labels: ['ranked'], workflow })
    const key = { namespace: site.namespace, name: 'bumped' }
    await site.client.patchMerge(runnerJobs, key, { spec: { priority: 50 } }, forever)
    await site.until('the position of the job that others go before', async () => {
      const { body } = await call(`${operator.url}/api/jobs/${metadata.uid}`)
      return isDeepStrictEqual(asObject(asObject(asObject(body)['data'])['metadata'])['queuePosition'], 3)
    })
    const order = ['first-come', 'bumped', 'release', 'plain']
    for (const [index, name] of order.entries()) {
      await site.jobIs(name, { phase: 'Running' })
      for (const later of order.slice(index + 1))
        expect(await site.runner(later), `${later} during ${name}`).to.equal(undefined)
      await site.kubelet.apply(`${name}-1`, (pod) => exited(pod, 0))
    }
  })

  it('is written once: changing maxRunners or other pools rewrites no job, but those that start', async () => {
    await site.createPool('still', { labels: ['still'], maxRunners: 1 })
    await site.createJob('over', { labels: ['still'] })
    await site.jobIs('over', { phase: 'Running' })
    await site.kubelet.apply('over-1', (pod) => exited(pod, 0))
    await site.jobIs('over', { phase: 'Completed' })
    await site.createJob('busy', { labels: ['still'] })
    await site.jobIs('busy', { phase: 'Running' })
    await Promise.all([site.createJob('patient', { labels: ['still'] }), site.createJob('lost', { labels: ['gpu'] })])
    await site.jobIs('patient', { phase: 'Queued', reason: 'PoolFull' })
    await site.jobIs('lost', { phase: 'Queued', reason: 'NoMatchingPool' })
    const versionsOf = async (...names: string[]): Promise<unknown[]> => {
      const found = await Promise.all(names.map((name) => site.job(name)))
      return found.map((job) => job?.metadata.resourceVersion)
    }
    const before = await versionsOf('over', 'busy', 'lost', 'patient')
    const key = { namespace: site.namespace, name: 'still' }
    await site.client.patchMerge(runnerPools, key, { spec: { maxRunners: 0 } }, forever)
    await site.createPool('unrelated', { labels: ['arm64'] })
    await site.createJob('later', { labels: ['arm64'] })
    await site.jobIs('later', { phase: 'Running' })
    expect(await versionsOf('over', 'busy', 'lost', 'patient'), 'with a lower limit').to.deep.equal(before)
    await site.client.patchMerge(runnerPools, key, { spec: { maxRunners: 2 } }, forever)
    await site.jobIs('patient', { phase: 'Running' })
    expect(await versionsOf('over', 'busy', 'lost'), 'with a higher limit').to.deep.equal(before.slice(0, 3))
  })

  it('a pool with a refused template shows that itself', async () => {
    await site.createPool('malformed', { template: { spec: { containers: [{ name: 'UPPER', image: 'runner' }] } } })
    const ready = await site.until('the pool to be checked', async () => {
      const pool = await site.get(runnerPools, 'malformed')
      return pool?.status?.conditions?.find(({ type }) => type === 'Ready')
    })
    expect(ready).to.include({ status: 'False', reason: 'InvalidPod' })
    expect(ready.message).to.include('UPPER')
  })

  it('the dry run of a template leaves no pod', () => {
    expect(site.kubelet.ledger.all.filter(({ name }) => name.includes('template'))).to.deep.equal([])
  })
})
