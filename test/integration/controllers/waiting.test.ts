import { expect } from 'chai'
import { JOB_LABEL } from '../../../src/api/names.ts'
import { runnerPools } from '../../../src/api/runner-pool.ts'
import { exited, running, runs, type Script, unschedulable, waitsFor } from '../../kubelet/script.ts'
import { closeByQuota, openQuota } from '../../site/quota.ts'
import { openSite, type Site } from '../../site/site.ts'

const forever = new AbortController().signal

describe('what a job waits for', function () {
  this.timeout('60s')
  let site: Site

  before(async () => {
    site = await openSite()
    await site.createPool('default', { labels: ['linux'] })
    await site.createPool('full', { labels: ['full'], maxRunners: 1 })
    await closeByQuota(site, 'counted')
    await site.operator()
    const scripts: Record<string, Script> = { homeless: unschedulable(), unpulled: waitsFor('ErrImagePull') }
    site.kubelet.onPod(({ metadata }) => scripts[metadata.labels?.[JOB_LABEL] ?? ''] ?? runs())
    await site.createJob('first', { labels: ['full'] })
    await site.jobIs('first', { phase: 'Running' })
    await Promise.all([
      site.createJob('strange', { labels: ['linux', 'windows'] }),
      site.createJob('second', { labels: ['full'] }),
      site.createJob('homeless', { labels: ['linux'] }),
      site.createJob('unpulled', { labels: ['linux'] }),
      site.createJob('counted', { labels: ['counted'] }),
    ])
  })
  afterEach(() => site.checkInvariants())
  after(() => site.close())

  it('NoMatchingPool: names the labels, and begins when a pool offers them', async () => {
    const { status } = await site.jobIs('strange', { phase: 'Queued', reason: 'NoMatchingPool' })
    expect(status.message).to.include('linux').and.to.include('windows')
    await site.eventTold('strange', 'NoMatchingPool')
    await site.createPool('strange', { labels: ['Linux', 'Windows', 'x64'] })
    await site.jobIs('strange', { phase: 'Running' })
    expect((await site.runner('strange'))?.spec.poolName).to.equal('strange')
  })

  it('PoolFull: names the pool and its limit, and begins when a place is free', async () => {
    const { status } = await site.jobIs('second', { phase: 'Queued', reason: 'PoolFull' })
    expect(status.message).to.include('full').and.to.include('maxRunners 1')
    expect(await site.runner('second'), 'no Runner before there is a place').to.equal(undefined)
    await site.kubelet.tell('first-1', (pod) => exited(pod, 0))
    await site.jobIs('second', { phase: 'Running' })
  })

  it('PoolFull: begins also when the limit is raised', async () => {
    await site.createJob('third', { labels: ['full'] })
    await site.jobIs('third', { phase: 'Queued', reason: 'PoolFull' })
    const key = { namespace: site.namespace, name: 'full' }
    await site.client.patchMerge(runnerPools, key, { spec: { maxRunners: 2 } }, forever)
    await site.jobIs('third', { phase: 'Running' })
  })

  it('NoMatchingPool: also when the pool it waited for is deleted, until one of its labels is there again', async () => {
    await site.createJob('fourth', { labels: ['full'] })
    await site.jobIs('fourth', { phase: 'Queued', reason: 'PoolFull' })
    await site.delete(runnerPools, 'full')
    await site.jobIs('fourth', { phase: 'Queued', reason: 'NoMatchingPool' })
    await site.createPool('full-again', { labels: ['full'] })
    await site.jobIs('fourth', { phase: 'Running' })
    expect((await site.job('second'))?.status.phase, 'a job that ran in the deleted pool').to.equal('Running')
  })

  it('Unschedulable: says what the scheduler says, and goes on when a node takes the pod', async () => {
    const { status } = await site.jobIs('homeless', { phase: 'Assigned', reason: 'Unschedulable' })
    expect(status.message).to.include('Insufficient cpu')
    expect(status.conditions?.find(({ type }) => type === 'Waiting')).to.include({ reason: 'Unschedulable' })
    await site.kubelet.tell('homeless-1', 'bind', running)
    await site.jobIs('homeless', { phase: 'Running' })
  })

  it('ImagePull: is waited out for a while, and the job goes on when the image comes', async () => {
    const { status } = await site.jobIs('unpulled', { phase: 'Assigned', reason: 'ImagePull' })
    expect(status.message).to.include('runner')
    await site.kubelet.tell('unpulled-1', running)
    const { status: now } = await site.jobIs('unpulled', { phase: 'Running' })
    expect(now.conditions?.some(({ type }) => type === 'Waiting')).to.equal(false)
  })

  it('QuotaExceeded: is no failure, and the job begins when the quota allows it', async () => {
    const { status } = await site.jobIs('counted', { phase: 'Assigned', reason: 'QuotaExceeded' })
    expect(status.message).to.include('few')
    await openQuota(site)
    await site.jobIs('counted', { phase: 'Running' })
  })

  it('a pool whose template is refused says so itself', async () => {
    await site.createPool('malformed', { template: { spec: { containers: [{ name: 'UPPER', image: 'runner' }] } } })
    const ready = await site.until('the pool to be judged', async () => {
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
