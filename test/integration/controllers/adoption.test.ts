import { expect } from 'chai'
import { JOB_LABEL, JOB_UID_LABEL, OUTCOME_FINALIZER, POOL_LABEL, RUNNER_LABEL } from '../../../src/api/names.ts'
import { pods } from '../../../src/api/pod.ts'
import { runnerJobs } from '../../../src/api/runner-job.ts'
import { runners } from '../../../src/api/runner.ts'
import { exits, ignored, runs } from '../../kubelet/script.ts'
import { GARBAGE_MS } from '../../observe/eventually.ts'
import { newPod, newRunner } from '../../site/objects.ts'
import { openSite, type Site } from '../../site/site.ts'

const strangerUid = '11111111-2222-4333-8444-555555555555'

describe('names that are taken', function () {
  this.timeout('60s')
  let site: Site

  before(async () => {
    site = await openSite()
    await site.createPool('default')
    await site.operator()
  })
  afterEach(() => site.checkInvariants())
  after(() => site.close())

  it('a pod of a stranger is waited for, never taken over and never deleted', async () => {
    site.kubelet.onPod(() => runs())
    const stranger = await site.create(pods, newPod('squatted'))
    await site.createJob('squatted')
    await site.jobIs('squatted', { phase: 'Assigned', reason: 'RunnerStarting' })
    const still = await site.pod('squatted')
    expect(still?.metadata.uid).to.equal(stranger.metadata.uid)
    expect(still?.metadata.deletionTimestamp).to.equal(undefined)
    await site.delete(pods, 'squatted-1', 0)
    const job = await site.jobIs('squatted', { phase: 'Running' })
    expect(job.status.podUID).to.not.equal(stranger.metadata.uid)
  })

  it('a pod that still terminates for an earlier job of the name is waited for, and its end is not taken for ours', async () => {
    site.kubelet.onPod(() => ({ ...runs(), stop: { afterMs: 2000 } }))
    const before = await site.createJob('renamed')
    await site.jobIs('renamed', { phase: 'Running' })
    // Deleted and made again while the old pod takes its time to stop.
    await site.delete(runnerJobs, 'renamed')
    const job = await site.createJob('renamed')
    expect(job.metadata.uid).to.not.equal(before.metadata.uid)
    site.kubelet.onPod(() => exits(0))
    const ended = await site.jobIs('renamed', { phase: 'Completed' }, GARBAGE_MS)
    const [first, second] = site.kubelet.ledger.of('renamed')
    expect(second?.at, 'the second pod comes after the end of the first').to.be.above((first?.at ?? 0) + 2000)
    expect(first?.jobUid).to.equal(before.metadata.uid)
    expect(second?.jobUid).to.equal(job.metadata.uid)
    expect(ended.status.podUID).to.equal(second?.uid)
  })

  it('a pod with our labels that claims another job is none of this job’s', async () => {
    site.kubelet.onPod(() => ignored())
    const labels = {
      [RUNNER_LABEL]: 'forged-1',
      [JOB_LABEL]: 'forged',
      [JOB_UID_LABEL]: strangerUid,
      [POOL_LABEL]: 'default',
    }
    const forged = await site.create(pods, newPod('forged', { labels, finalizers: [OUTCOME_FINALIZER] }))
    await site.kubeletHas('forged')
    const job = await site.createJob('forged')
    site.kubelet.onPod(() => exits(0))
    const { status } = await site.jobIs('forged', { phase: 'Completed' })
    expect(status.podUID).to.not.equal(forged.metadata.uid)
    expect(job.metadata.uid).to.not.equal(strangerUid)
  })

  it('a Runner that an earlier operator made for this very job is adopted', async () => {
    site.kubelet.onPod(() => runs())
    // No pool yet, so that the operator does not make one first.
    const job = await site.createJob('orphaned', { poolName: 'later' })
    await site.jobIs('orphaned', { reason: 'NoMatchingPool' })
    const made = await site.create(runners, newRunner(job))
    const { status } = await site.jobIs('orphaned', { phase: 'Running' })
    expect(status.runnerRef?.uid).to.equal(made.metadata.uid)
  })

  it('a Runner of another job is waited for', async () => {
    await site.createJob('claimed', { poolName: 'missing' })
    const third = await site.createJob('third', { cancel: true })
    await site.jobIs('third', { phase: 'Cancelled' })
    const { metadata, ...runner } = newRunner(third)
    const other = await site.create(runners, { ...runner, metadata: { ...metadata, name: 'claimed-1' } })
    const audit = site.plane.audit()
    await site.createPool('missing')
    await site.until('the operator to find the name taken', async () => {
      const writes = await audit.writes(site.namespace)
      return writes.find(({ verb, resource, code }) => verb === 'create' && resource === 'runners' && code === 409)
    })
    expect((await site.runner('claimed'))?.metadata.uid).to.equal(other.metadata.uid)
    await site.delete(runners, 'claimed-1')
    const { status } = await site.jobIs('claimed', { phase: 'Running' })
    expect(status.runnerRef?.uid).to.not.equal(other.metadata.uid)
  })
})
