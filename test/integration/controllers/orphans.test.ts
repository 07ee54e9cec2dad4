import { expect } from 'chai'
import { runnerJobs } from '../../../src/api/runner-job.ts'
import { exited, runs } from '../../kubelet/script.ts'
import { openSite, type Site } from '../../site/site.ts'

const forever = new AbortController().signal

describe('the Runner and pod of a job that is deleted with --cascade=orphan', function () {
  this.timeout('90s')
  let site: Site

  before(async () => {
    site = await openSite()
    await site.createPool('default')
    site.kubelet.onPod(() => runs())
    await site.operator()
  })
  afterEach(() => site.checkInvariants())
  after(() => site.close())

  async function orphan(name: string): Promise<void> {
    const options = { propagationPolicy: 'Orphan' } as const
    await site.client.delete(runnerJobs, { namespace: site.namespace, name }, options, forever)
  }

  it('are deleted if the job had finished', async () => {
    await site.createJob('over')
    await site.jobIs('over', { phase: 'Running' })
    await site.kubelet.apply('over-1', (pod) => exited(pod, 0))
    await site.jobIs('over', { phase: 'Completed' })
    expect((await site.runner('over'))?.metadata.name).to.equal('over-1')
    await orphan('over')
    await site.isGone('over')
  })

  it('are deleted if the job ran, and the pod is released', async () => {
    await site.createJob('running')
    await site.jobIs('running', { phase: 'Running' })
    await orphan('running')
    await site.isGone('running')
  })
})
