import { expect } from 'chai'
import { runnerJobs } from '../../../src/api/runner-job.ts'
import { exited, exits, expired, ignored, runs, succeeds, unschedulable } from '../../kubelet/script.ts'
import { openSite, type Site } from '../../site/site.ts'

describe('a job that is deleted or cancelled', function () {
  this.timeout('90s')
  let site: Site

  before(async () => {
    site = await openSite()
    await site.createPool('default', { labels: ['linux'] })
    await site.createPool('single', { labels: ['single'], maxRunners: 1 })
    await site.createPool('closed', { labels: ['closed'], maxRunners: 0 })
    await site.operator()
  })
  afterEach(() => site.checkInvariants())
  after(() => site.close())

  /** Brings a job into each phase. */
  const phases: Record<string, (job: string) => Promise<unknown>> = {
    async Queued(job) {
      await site.createJob(job, { labels: ['closed'] })
      await site.jobIs(job, { phase: 'Queued', reason: 'PoolFull' })
    },
    async Assigned(job) {
      site.kubelet.onPod(() => unschedulable())
      await site.createJob(job, { labels: ['linux'] })
      await site.jobIs(job, { phase: 'Assigned' })
    },
    async Running(job) {
      site.kubelet.onPod(() => runs())
      await site.createJob(job, { labels: ['linux'] })
      await site.jobIs(job, { phase: 'Running' })
    },
  }
  const terminal: typeof phases = {
    async Completed(job) {
      site.kubelet.onPod(() => succeeds())
      await site.createJob(job, { labels: ['linux'] })
      await site.jobIs(job, { phase: 'Completed' })
    },
    async Failed(job) {
      site.kubelet.onPod(() => exits(3))
      await site.createJob(job, { labels: ['linux'] })
      await site.jobIs(job, { phase: 'Failed' })
    },
    async Cancelled(job) {
      await phases['Running']?.(job)
      await site.cancel(job)
      await site.jobIs(job, { phase: 'Cancelled' })
    },
  }

  for (const [phase, reach] of Object.entries({ ...phases, ...terminal })) {
    it(`leaves nothing when it is deleted while ${phase}`, async () => {
      const job = `delete-${phase.toLowerCase()}`
      await reach(job)
      await site.delete(runnerJobs, job)
      await site.isGone(job)
    })
  }

  it('leaves nothing when it is deleted right after its creation', async () => {
    site.kubelet.onPod(() => runs())
    const names = Array.from({ length: 20 }, (_, index) => `moment-${index}`)
    const raise = async (name: string, index: number): Promise<void> => {
      await site.createJob(name, { labels: ['linux'] })
      // From no wait up to long enough for the creates of its Runner and pod to be in flight.
      await new Promise((resolve) => setTimeout(resolve, index * 5))
      await site.delete(runnerJobs, name)
    }
    await Promise.all(names.map(raise))
    for (const name of names) await site.isGone(name)
  })

  it('leaves nothing when it is deleted in the foreground', async () => {
    await phases['Running']?.('foreground')
    const key = { namespace: site.namespace, name: 'foreground' }
    await site.client.delete(runnerJobs, key, { propagationPolicy: 'Foreground' }, new AbortController().signal)
    await site.isGone('foreground')
  })

  for (const [phase, reach] of Object.entries(phases)) {
    it(`is Cancelled while ${phase}, and its pod stops`, async () => {
      const job = `cancel-${phase.toLowerCase()}`
      await reach(job)
      await site.cancel(job)
      const { status } = await site.jobIs(job, { phase: 'Cancelled', reason: 'CancelRequested' })
      expect(status.completedAt).to.be.a('string')
      await site.until('its pod to be over', async () => {
        const pod = await site.pod(job)
        return pod === undefined || pod.status?.phase === 'Failed'
      })
      expect((await site.job(job))?.status, 'the end of the pod changes nothing').to.deep.equal(status)
    })
  }

  it('keeps its slot until its pod has ended in its grace period, and its pod for the log', async () => {
    site.kubelet.onPod(() => ({ ...runs(), stop: 'never' }))
    await site.createJob('graceful', { labels: ['single'] })
    await site.jobIs('graceful', { phase: 'Running', reason: 'Running' })
    site.kubelet.onPod(() => succeeds())
    await site.createJob('next', { labels: ['single'] })
    await site.jobIs('next', { phase: 'Queued', reason: 'PoolFull' })
    await site.cancel('graceful')
    await site.jobIs('graceful', { phase: 'Running', reason: 'CancelRequested' })
    await site.until('its pod to have a deadline', async () => {
      return (await site.pod('graceful'))?.spec.activeDeadlineSeconds === 1
    })
    expect((await site.job('next'))?.status).to.include({ phase: 'Queued', reason: 'PoolFull' })
    await site.kubelet.apply('graceful-1', (pod) => expired(pod, 143))
    await site.jobIs('graceful', { phase: 'Cancelled', reason: 'CancelRequested', exitCode: 143 })
    await site.jobIs('next', { phase: 'Completed' })
    expect((await site.pod('graceful'))?.metadata).to.not.have.property('deletionTimestamp')
  })

  it('is Cancelled without a Runner when it was created with cancel', async () => {
    await site.createJob('stillborn', { labels: ['linux'], cancel: true })
    await site.jobIs('stillborn', { phase: 'Cancelled', reason: 'CancelRequested' })
    expect(await site.runner('stillborn')).to.equal(undefined)
    expect(site.kubelet.ledger.of('stillborn')).to.deep.equal([])
  })

  it('is not Cancelled once it has finished', async () => {
    await terminal['Completed']?.('cancel-completed')
    await site.cancel('cancel-completed')
    await site.createJob('later', { labels: ['linux'] })
    await site.jobIs('later', { phase: 'Completed' })
    expect((await site.job('cancel-completed'))?.status.phase).to.equal('Completed')
  })

  it('is Cancelled only if the pod did not end before', async () => {
    await phases['Running']?.('race')
    await Promise.all([site.kubelet.apply('race-1', (pod) => exited(pod, 0)), site.cancel('race')])
    const { status } = await site.until('the job to be over', async () => {
      const job = await site.job('race')
      return job?.status.completedAt === undefined ? undefined : job
    })
    expect(status.phase).to.be.oneOf(['Completed', 'Cancelled'])
    expect(status.exitCode).to.equal(status.phase === 'Completed' ? 0 : 143)
  })

  it('cannot be uncancelled', async () => {
    site.kubelet.onPod(() => ignored())
    const key = { namespace: site.namespace, name: 'cancel-running' }
    const { signal } = new AbortController()
    const undone = site.client.patchMerge(runnerJobs, key, { spec: { cancel: false } }, signal)
    const refused = await undone.then(String, (error: unknown) => String(error))
    expect(refused).to.include('cancel cannot be undone')
  })
})
