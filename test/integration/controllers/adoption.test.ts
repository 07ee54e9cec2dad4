import { expect } from 'chai'
import { JOB_LABEL, JOB_UID_LABEL, OUTCOME_FINALIZER, POOL_LABEL, RUNNER_LABEL } from '../../../src/api/names.ts'
import { pods } from '../../../src/api/pod.ts'
import { runnerJobs } from '../../../src/api/runner-job.ts'
import { runners } from '../../../src/api/runner.ts'
import { exited, exits, ignored, runs } from '../../kubelet/script.ts'
import { GARBAGE_MS } from '../../observe/eventually.ts'
import type { Operator } from '../../processes/operator.ts'
import { newPod, newRunner } from '../../site/objects.ts'
import { openSite, type Site } from '../../site/site.ts'

const strangerUid = '11111111-2222-4333-8444-555555555555'

const forever = new AbortController().signal

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

  it('a foreign pod is waited for, never adopted and never deleted', async () => {
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

  it('a terminating pod of an earlier job of the name is waited for, and its outcome is not used', async () => {
    site.kubelet.onPod(() => ({ ...runs(), stop: { afterMs: 2000 } }))
    const before = await site.createJob('renamed')
    await site.jobIs('renamed', { phase: 'Running' })
    // Deleted and created again while the old pod is slow to stop.
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

  it('a pod with our labels that names another job does not belong to this job', async () => {
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

  it('a Runner that an earlier operator created for this very job is adopted', async () => {
    site.kubelet.onPod(() => runs())
    // No pool yet, so that the operator does not create a Runner first.
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

/** Removed by hand, or by a policy that prunes unknown labels. */
describe('a pod that has lost all its labels', function () {
  this.timeout('60s')
  let site: Site
  let operator: Operator

  before(async () => {
    site = await openSite()
    await site.createPool('default', { maxRunners: 1 })
    site.kubelet.onPod(() => runs())
    operator = await site.operator()
  })
  afterEach(() => site.checkInvariants())
  after(() => site.close())

  async function strip(job: string): Promise<void> {
    const key = { namespace: site.namespace, name: `${job}-1` }
    await site.client.patchMerge(pods, key, { metadata: { labels: null } }, forever)
  }

  /** Removes them twice, the second time after they were restored. */
  async function runsStripped(job: string): Promise<void> {
    await site.createJob(job)
    await site.jobIs(job, { phase: 'Running' })
    await strip(job)
    await site.until('the labels to be back', async () => (await site.pod(job))?.metadata.labels !== undefined)
    await strip(job)
  }

  it('gets them back once for selectors: a policy may remove them again', async () => {
    await site.createJob('labelled')
    const { metadata } = await site.jobIs('labelled', { phase: 'Running' })
    await strip('labelled')
    const labels = await site.until('the labels to be back', async () => (await site.pod('labelled'))?.metadata.labels)
    expect(labels).to.deep.equal({
      [RUNNER_LABEL]: 'labelled-1',
      [JOB_LABEL]: 'labelled',
      [JOB_UID_LABEL]: metadata.uid,
      [POOL_LABEL]: 'default',
    })
    await strip('labelled')
    await site.kubelet.apply('labelled-1', (pod) => exited(pod, 0))
    await site.jobIs('labelled', { phase: 'Completed' })
    expect((await site.pod('labelled'))?.metadata.labels).to.equal(undefined)
  })

  it('gives its job the true exit code, and is released', async () => {
    await runsStripped('exits')
    await site.createJob('next')
    await site.jobIs('next', { phase: 'Queued', reason: 'PoolFull' })
    await site.kubelet.apply('exits-1', (pod) => exited(pod, 7))
    await site.jobIs('exits', { phase: 'Failed', reason: 'ExitCode', exitCode: 7 })
    await site.until('the finalizer to be gone', async () => {
      return (await site.pod('exits'))?.metadata.finalizers?.includes(OUTCOME_FINALIZER) !== true
    })
    await site.jobIs('next', { phase: 'Running' })
    await site.delete(runnerJobs, 'next')
    await site.isGone('next')
  })

  it('is stopped when its job is cancelled', async () => {
    await runsStripped('cancelled')
    await site.cancel('cancelled')
    await site.jobIs('cancelled', { phase: 'Cancelled' })
    await site.until('its pod to be over', async () => (await site.pod('cancelled'))?.status?.phase === 'Failed')
  })

  it('does not let its job exceed its time limit', async () => {
    await site.createJob('late', { timeoutSeconds: 2 })
    await site.jobIs('late', { phase: 'Running' })
    await strip('late')
    await site.jobIs('late', { phase: 'Failed', reason: 'JobTimeout' })
    await site.until('its pod to be gone', async () => (await site.pod('late')) === undefined)
  })

  it('is deleted with its job', async () => {
    await runsStripped('deleted')
    await site.delete(runnerJobs, 'deleted')
    await site.isGone('deleted')
  })

  it('is deleted when its job and its Runner were deleted while no operator ran', async () => {
    await site.createJob('orphan')
    await site.jobIs('orphan', { phase: 'Running' })
    operator.kill()
    await strip('orphan')
    await site.delete(runnerJobs, 'orphan')
    const isHeldAlone = async () => {
      const [runner, pod] = [await site.runner('orphan'), await site.pod('orphan')]
      return runner === undefined && pod?.status?.phase === 'Failed'
    }
    await site.until('its finalizer to be all that holds it', isHeldAlone, GARBAGE_MS)
    operator = await site.operator()
    await site.isGone('orphan')
  })
})
