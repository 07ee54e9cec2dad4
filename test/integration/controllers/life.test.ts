import { expect } from 'chai'
import { OUTCOME_FINALIZER } from '../../../src/api/names.ts'
import { type Pod, pods } from '../../../src/api/pod.ts'
import { runners } from '../../../src/api/runner.ts'
import { containerId, exited, running, runs, succeeds, wholeSeconds } from '../../kubelet/script.ts'
import { openSite, type Site } from '../../site/site.ts'

const common = { image: 'any', imageID: '', ready: false, restartCount: 0 }
const still = ({ name }: { name: string }) => ({ ...common, name, state: { running: { startedAt: wholeSeconds() } } })
const ended = (pod: Pod) => {
  const terminated = {
    exitCode: 0,
    startedAt: wholeSeconds(),
    finishedAt: wholeSeconds(),
    containerID: containerId(pod),
  }
  return { ...common, name: 'runner', containerID: containerId(pod), state: { terminated } }
}

describe('the life of a job', function () {
  this.timeout('60s')
  let site: Site

  before(async () => {
    site = await openSite()
    await site.createPool('default', { labels: ['linux'] })
    await site.operator()
  })
  afterEach(() => site.checkInvariants())
  after(() => site.close())

  it('includes one Runner and one pod, named after the job and owned by it', async () => {
    site.kubelet.onPod(() => runs())
    const job = await site.createJob('one', { labels: ['linux'] })
    await site.jobIs('one', { phase: 'Running' })
    const [runner] = await site.list(runners)
    const [pod] = await site.list(pods)
    expect(runner?.metadata.name).to.equal('one-1')
    expect(pod?.metadata.name).to.equal('one-1')
    const owner = { blockOwnerDeletion: true, controller: true }
    expect(runner?.metadata.ownerReferences).to.deep.equal([
      { ...owner, apiVersion: 'runnerhub.dev/v1', kind: 'RunnerJob', name: 'one', uid: job.metadata.uid },
    ])
    expect(pod?.metadata.ownerReferences).to.deep.equal([
      { ...owner, apiVersion: 'runnerhub.dev/v1', kind: 'Runner', name: 'one-1', uid: runner?.metadata.uid },
    ])
    expect(site.kubelet.ledger.of('one')[0]?.finalizers, 'held from the first moment').to.include(OUTCOME_FINALIZER)
  })

  it('shows the running pod in job and Runner', async () => {
    const job = await site.job('one')
    const pod = await site.pod('one')
    if (job === undefined || pod === undefined) throw new Error('the job of the test before is missing')
    const runner = await site.until('the Runner to be busy', async () => {
      const now = await site.runner('one')
      return now?.status.phase === 'Busy' ? now : undefined
    })
    const where = { podName: 'one-1', podUID: pod.metadata.uid, nodeName: 'stand-in', containerId: containerId(pod) }
    expect(runner.status).to.deep.include({ ...where, reason: 'Running' })
    expect(job.status).to.deep.include({ ...where, reason: 'Running' })
    expect(job.status.runnerRef).to.deep.equal({ name: 'one-1', uid: runner.metadata.uid })
    expect(job.status.startedAt).to.be.a('string')
    expect(job.status.observedGeneration).to.equal(job.metadata.generation)
  })

  it('ends with the exit code, and only then releases the pod', async () => {
    await site.kubelet.apply('one-1', (pod) => exited(pod, 0))
    const job = await site.jobIs('one', { phase: 'Completed', reason: 'Succeeded', exitCode: 0 })
    expect(job.status.completedAt).to.be.a('string')
    const pod = await site.until('the pod to be released', async () => {
      const now = await site.pod('one')
      return now?.metadata.finalizers?.includes(OUTCOME_FINALIZER) === true ? undefined : now
    })
    expect(pod.metadata.deletionTimestamp, 'a finished pod is kept for its log').to.equal(undefined)
    expect(job.status.podUID).to.equal(pod.metadata.uid)
  })

  it('may be too short for the phase Running', async () => {
    site.kubelet.onPod(() => succeeds())
    const { metadata } = await site.createJob('short', { labels: ['linux'] })
    const end = await site.until('the job to be over', () => {
      const last = site.history.of(metadata.uid).at(-1)
      return last?.phase === 'Completed' ? last : undefined
    })
    expect(end).to.include({ podName: 'short-1', exitCode: 0 })
  })

  it('shows Assigned once that has lasted a second', async () => {
    site.kubelet.onPod(() => ({ steps: [{ act: 'bind' }] }))
    const { metadata } = await site.createJob('slow', { labels: ['linux'] })
    const job = await site.jobIs('slow', { phase: 'Assigned', reason: 'RunnerStarting' })
    expect(job.status.assignedAt).to.be.a('string')
    await site.kubelet.apply('slow-1', running)
    const phases = await site.until('the job to run', () => {
      const seen = site.history.of(metadata.uid).map(({ phase }) => phase)
      return seen.at(-1) === 'Running' ? seen : undefined
    })
    expect([...new Set(phases)]).to.deep.equal(['Queued', 'Assigned', 'Running'])
  })

  it('ends with the job’s own container: a running sidecar is stopped, and its pod is kept', async () => {
    const helper = { name: 'helper', image: 'helper' }
    const containers = [helper, { name: 'runner', image: 'runner' }]
    await site.createPool('helped', { labels: ['helped'], maxRunners: 1, template: { spec: { containers } } })
    site.kubelet.onPod(() => runs())
    await site.createJob('helped', { labels: ['helped'] })
    await site.jobIs('helped', { phase: 'Running' })
    await site.kubelet.apply('helped-1', (pod) => ({
      phase: 'Running',
      containerStatuses: [ended(pod), still(helper)],
    }))
    await site.jobIs('helped', { phase: 'Completed', exitCode: 0 })
    const over = await site.until('the pod to be over', async () => {
      const pod = await site.pod('helped')
      return pod?.status?.phase === 'Failed' ? pod : undefined
    })
    expect(over.status?.reason).to.equal('DeadlineExceeded')
    expect(over.metadata).to.not.have.any.keys('deletionTimestamp', 'finalizers')
    expect(over.status?.containerStatuses?.map(({ state }) => state?.terminated?.exitCode)).to.deep.equal([0, 143])
    // The next job gets the slot only now, and the fate of the pod does not change its job.
    await site.createJob('next', { labels: ['helped'] })
    await site.jobIs('next', { phase: 'Running' })
    expect(site.kubelet.ledger.peak('helped')).to.equal(1)
    expect((await site.job('helped'))?.status).to.include({ phase: 'Completed', reason: 'Succeeded', exitCode: 0 })
    expect((await site.pod('helped'))?.metadata.uid).to.equal(over.metadata.uid)
  })

  it('fails with an exit code other than 0', async () => {
    await site.kubelet.apply('slow-1', (pod) => exited(pod, 4))
    await site.jobIs('slow', { phase: 'Failed', reason: 'ExitCode', exitCode: 4 })
  })
})
