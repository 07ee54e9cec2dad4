import { expect } from 'chai'
import { runners } from '../../../src/api/runner.ts'
import { exited, runs } from '../../kubelet/script.ts'
import { openSite, type Site } from '../../site/site.ts'

describe('where a job runs', function () {
  this.timeout('60s')
  let site: Site

  before(async () => {
    site = await openSite()
    await site.createPool('linux', { labels: ['self-hosted', 'linux'] })
    await site.createPool('linux-gpu', { labels: ['self-hosted', 'linux', 'gpu'] })
    await site.createPool('mac', { labels: ['self-hosted', 'mac'], repositories: ['apple/*', 'owner/allowed'] })
    await site.createPool('line', { labels: ['line'], maxRunners: 2 })
    await site.createPool('turn', { labels: ['turn'], maxRunners: 1 })
    await site.operator()
    site.kubelet.onPod(() => runs())
  })
  afterEach(() => site.checkInvariants())
  after(() => site.close())

  const poolOf = async (job: string): Promise<string | undefined> => {
    await site.jobIs(job, { phase: 'Running' })
    return (await site.runner(job))?.spec.poolName
  }

  it('is the pool that offers all of its labels, whatever their case', async () => {
    await site.createJob('gpu', { labels: ['GPU', 'Linux'] })
    expect(await poolOf('gpu')).to.equal('linux-gpu')
  })

  it('is of several fitting pools the one with the most labels', async () => {
    await site.createJob('any-linux', { labels: ['linux'] })
    expect(await poolOf('any-linux')).to.equal('linux-gpu')
  })

  it('is a pool that allows its repository', async () => {
    await site.createJob('allowed', { labels: ['mac'], repository: 'owner/allowed' })
    await site.createJob('by-glob', { labels: ['mac'], repository: 'apple/swift' })
    await site.createJob('stranger', { labels: ['mac'], repository: 'owner/other' })
    expect(await poolOf('allowed')).to.equal('mac')
    expect(await poolOf('by-glob')).to.equal('mac')
    const { status } = await site.jobIs('stranger', { phase: 'Queued', reason: 'NoMatchingPool' })
    expect(status.message).to.include('owner/other')
  })

  it('is the pool that it names, whatever its labels, but never one that forbids its repository', async () => {
    await site.createJob('named', { labels: ['gpu'], poolName: 'linux' })
    await site.createJob('smuggled', { poolName: 'mac' })
    expect(await poolOf('named')).to.equal('linux')
    await site.jobIs('smuggled', { phase: 'Queued', reason: 'NoMatchingPool' })
  })

  it('is given out in the order of delegation, within maxRunners', async () => {
    // One place, so that none can overtake on its way, and it is taken until all are there.
    await site.createJob('taken', { labels: ['turn'] })
    await site.jobIs('taken', { phase: 'Running' })
    // Made in the opposite order: only delegatedAt decides.
    const names = ['a', 'b', 'c', 'd', 'e', 'f'].map((letter) => `turn-${letter}`)
    const base = Date.now() - 1000
    for (const [index, name] of [...names.entries()].toReversed()) {
      const delegatedAt = new Date(base + index).toISOString()
      await site.createJob(name, { labels: ['turn'], delegatedAt })
    }
    const begun: string[] = []
    while (begun.length <= names.length) {
      const next = await site.until('another job of the line to run', async () => {
        const now = (await site.list(runners)).filter(({ spec }) => spec.poolName === 'turn')
        const busy = now.filter(({ status, metadata }) => status.phase === 'Busy' && !begun.includes(metadata.name))
        return busy[0]?.metadata.name
      })
      begun.push(next)
      await site.kubelet.tell(next, (pod) => exited(pod, 0))
    }
    expect(begun.map((name) => name.slice(0, -2))).to.deep.equal(['taken', ...names])
    expect(site.kubelet.ledger.peak('turn')).to.equal(1)
  })

  it('is free again only when the pod of a cancelled job has stopped', async () => {
    site.kubelet.onPod(() => ({ ...runs(), stop: { afterMs: 1500 } }))
    for (const name of ['slow-1', 'slow-2', 'next']) await site.createJob(name, { labels: ['line'] })
    await site.jobIs('slow-2', { phase: 'Running' })
    await site.jobIs('next', { reason: 'PoolFull' })
    await site.cancel('slow-1')
    await site.jobIs('slow-1', { phase: 'Cancelled' })
    await site.jobIs('next', { phase: 'Running' })
    expect(site.kubelet.ledger.peak('line'), 'pods at once').to.equal(2)
  })
})
