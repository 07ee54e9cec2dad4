import { expect } from 'chai'
import { exits, succeeds } from '../../kubelet/script.ts'
import type { Operator } from '../../processes/operator.ts'
import { openSite, type Site } from '../../site/site.ts'

describe('a finished job', function () {
  this.timeout('90s')
  let site: Site
  let operator: Operator

  before(async () => {
    site = await openSite()
    await site.createPool('short', { labels: ['short'], finishedPodTTLSeconds: 5 })
    await site.createPool('none', { labels: ['none'], finishedPodTTLSeconds: 0 })
    await site.createPool('long', { labels: ['long'], finishedPodTTLSeconds: 600 })
    await site.createPool('brief', { labels: ['brief'], finishedJobTTLSeconds: 2 })
    await site.createPool('capped', { labels: ['capped'], finishedJobsLimit: 2 })
    operator = await site.operator()
    site.kubelet.onPod(({ metadata }) => (metadata.name === 'failed-1' ? exits(1) : succeeds()))
    await Promise.all([
      site.createJob('kept', { labels: ['short'] }),
      site.createJob('failed', { labels: ['short'] }),
      site.createJob('at-once', { labels: ['none'] }),
      site.createJob('expired', { labels: ['long'], ttlSecondsAfterFinished: 2 }),
      site.createJob('expired-by-pool', { labels: ['brief'] }),
      site.createJob('untouched', { labels: ['long'] }),
    ])
  })
  afterEach(() => site.checkInvariants())
  after(() => site.close())

  const withoutPlace = (job: string) => async () =>
    (await site.runner(job)) === undefined && (await site.pod(job)) === undefined

  it('keeps its Runner and pod for the pool’s TTL, and stays without them', async () => {
    const { status } = await site.jobIs('kept', { phase: 'Completed' })
    expect(await site.pod('kept'), 'the pod right after the end').to.not.equal(undefined)
    await site.until('Runner and pod of job kept to be gone', withoutPlace('kept'), 45_000)
    // Kubelet times are whole seconds.
    const age = Date.now() - Date.parse(status.completedAt ?? '')
    expect(age).to.be.at.least(5000)
    expect((await site.job('kept'))?.status).to.deep.equal(status)
  })

  it('loses them after the same time when it failed', async () => {
    await site.until('Runner and pod of job failed to be gone', withoutPlace('failed'), 45_000)
    expect((await site.job('failed'))?.status).to.include({ phase: 'Failed', exitCode: 1 })
  })

  it('loses its Runner and pod at once if the pool’s TTL is zero', async () => {
    await site.until('Runner and pod of job at-once to be gone', withoutPlace('at-once'), 45_000)
    expect((await site.job('at-once'))?.status).to.include({ phase: 'Completed', exitCode: 0 })
  })

  it('is deleted with its Runner and pod after its own TTL', async () => {
    await site.isGone('expired')
  })

  it('is deleted after the TTL of its pool, if that is shorter', async () => {
    await site.isGone('expired-by-pool')
  })

  it('is deleted once newer ones fill the limit of its pool', async () => {
    for (const job of ['capped-1', 'capped-2', 'capped-3']) {
      await site.createJob(job, { labels: ['capped'] })
      if (job !== 'capped-3') await site.jobIs(job, { phase: 'Completed' })
    }
    await site.isGone('capped-1')
    await site.jobIs('capped-3', { phase: 'Completed' })
    expect((await site.job('capped-2'))?.status.phase).to.equal('Completed')
  })

  it('is deleted at once if its own TTL is zero, but not before its outcome is stored', async () => {
    const { metadata } = await site.createJob('fleeting', { labels: ['long'], ttlSecondsAfterFinished: 0 })
    await site.isGone('fleeting')
    expect(site.history.of(metadata.uid).at(-1)).to.include({ phase: 'Completed', exitCode: 0 })
  })

  it('is deleted by the successor of the operator that ran it', async () => {
    await site.createJob('inherited', { labels: ['long'], ttlSecondsAfterFinished: 3 })
    const { metadata } = await site.jobIs('inherited', { phase: 'Completed' })
    operator.kill()
    await site.operator()
    await site.isGone('inherited')
    expect(site.history.of(metadata.uid).at(-1)).to.include({ phase: 'Completed' })
  })

  it('stays until its TTL ends', async () => {
    expect((await site.job('untouched'))?.status.phase).to.equal('Completed')
    expect(await site.pod('untouched')).to.not.equal(undefined)
  })
})
