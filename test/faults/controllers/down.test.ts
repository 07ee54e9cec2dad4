import { expect } from 'chai'
import { OUTCOME_FINALIZER } from '../../../src/api/names.ts'
import { pods } from '../../../src/api/pod.ts'
import { type NewRunnerJobSpec, runnerJobs } from '../../../src/api/runner-job.ts'
import { exited, exits, ignored, running, runs } from '../../kubelet/script.ts'
import { openSite, type Site } from '../../site/site.ts'

/** Jobs that change while no operator runs. */
describe('while the operator is down', function () {
  this.timeout('90s')
  let site: Site

  before(async () => {
    site = await openSite()
    await site.createPool('default')
    await site.createPool('closed', { maxRunners: 0 })
    const operator = await site.operator()
    site.kubelet.onPod(() => runs())
    const run = ['deleted-running', 'stopped', 'cancelled', 'robbed', 'steady']
    for (const job of run) await make(job)
    for (const job of run) await site.jobIs(job, { phase: 'Running' })
    site.kubelet.onPod(() => ignored())
    const start = ['ended', 'deleted-assigned', 'begun-and-deleted']
    for (const job of start) await make(job)
    for (const job of start) await site.kubeletHas(job)
    await site.createJob('deleted-queued', { poolName: 'closed' })
    await site.createJob('cancelled-queued', { poolName: 'closed' })
    await site.jobIs('deleted-queued', { reason: 'PoolFull' })
    // Last, so that its time limit does not pass before the operator is down.
    site.kubelet.onPod(() => runs())
    await make('overdue', { timeoutSeconds: 15 })
    await site.jobIs('overdue', { phase: 'Running' })

    operator.kill()
    expect((await site.job('overdue'))?.status.phase).to.equal('Running')
    await meanwhile()
    await site.operator()
  })
  afterEach(() => site.checkInvariants())
  after(() => site.close())

  const make = (job: string, spec: Partial<NewRunnerJobSpec> = {}) =>
    site.createJob(job, { poolName: 'default', ...spec })

  async function meanwhile(): Promise<void> {
    await make('new')
    for (const job of ['deleted-running', 'deleted-assigned', 'deleted-queued']) await site.delete(runnerJobs, job)
    for (const job of ['cancelled', 'cancelled-queued']) await site.cancel(job)
    await site.kubelet.apply('ended-1', 'bind', running, (pod) => exited(pod, 3))
    await site.kubelet.apply('begun-and-deleted-1', 'bind', running)
    for (const pod of ['begun-and-deleted-1', 'stopped-1', 'robbed-1']) await site.delete(pods, pod)
    for (const pod of ['begun-and-deleted', 'stopped']) {
      const ended = async () => (await site.pod(pod))?.status?.phase === 'Failed'
      await site.until(`the kubelet to have stopped pod ${pod}`, ended)
    }
    // A user removes our finalizer by hand to get rid of the pod.
    const key = { namespace: site.namespace, name: 'robbed-1' }
    await site.client.patchMerge(pods, key, { metadata: { finalizers: null } }, new AbortController().signal)
    await site.until('the robbed pod to be gone', async () => (await site.pod('robbed')) === undefined)
    site.kubelet.onPod(() => exits(0))
  }

  it('a job that is created starts afterwards', async () => {
    await site.jobIs('new', { phase: 'Completed' })
  })

  for (const phase of ['queued', 'assigned', 'running']) {
    it(`a job deleted while ${phase} leaves nothing: its pod is released`, async () => {
      await site.isGone(`deleted-${phase}`)
    })
  }

  it('a pod that started and ended counts with its exit code', async () => {
    const { status } = await site.jobIs('ended', { phase: 'Failed', reason: 'ExitCode', exitCode: 3 })
    const pod = await site.until('the pod to be released', async () => {
      const now = await site.pod('ended')
      return now?.metadata.finalizers?.includes(OUTCOME_FINALIZER) === true ? undefined : now
    })
    expect(status.podUID).to.equal(pod.metadata.uid)
  })

  it('a pod that started and was deleted is a loss, and no second pod is created', async () => {
    await site.jobIs('begun-and-deleted', { phase: 'Failed', reason: 'PodDeleted', exitCode: 143 })
    await site.until('the pod to be gone', async () => (await site.pod('begun-and-deleted')) === undefined)
    expect(site.kubelet.ledger.of('begun-and-deleted')).to.have.length(1)
  })

  it('a running pod that was deleted is a loss, with its exit code', async () => {
    await site.jobIs('stopped', { phase: 'Failed', reason: 'PodDeleted', exitCode: 143 })
    await site.until('the pod to be gone', async () => (await site.pod('stopped')) === undefined)
  })

  it('a running pod that vanished without a trace is also a loss, never a second run', async () => {
    const { status } = await site.jobIs('robbed', { phase: 'Failed', reason: 'PodDeleted' })
    expect(status.exitCode).to.equal(undefined)
    expect(site.kubelet.ledger.of('robbed')).to.have.length(1)
  })

  for (const job of ['cancelled', 'cancelled-queued']) {
    it(`a job that was ${job.replace('-', ' while ')} is Cancelled`, async () => {
      await site.jobIs(job, { phase: 'Cancelled', reason: 'CancelRequested' })
      await site.until('its pod to be over', async () => {
        const pod = await site.pod(job)
        return pod === undefined || pod.status?.phase === 'Failed'
      })
    })
  }

  it('a job that ran too long times out', async () => {
    await site.jobIs('overdue', { phase: 'Failed', reason: 'JobTimeout' }, 30_000)
    await site.until('its pod to be gone', async () => (await site.pod('overdue')) === undefined)
  })

  it('a job that kept running continues', async () => {
    await site.kubelet.apply('steady-1', (pod) => exited(pod, 0))
    await site.jobIs('steady', { phase: 'Completed' })
  })
})
