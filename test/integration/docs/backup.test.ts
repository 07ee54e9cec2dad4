import { expect } from 'chai'
import { configMaps } from '../../../src/api/config-map.ts'
import { LEDGER_NAME } from '../../../src/api/names.ts'
import { runnerJobs } from '../../../src/api/runner-job.ts'
import { runnerPools } from '../../../src/api/runner-pool.ts'
import { openDocumentedSite } from '../../charts/chart-site.ts'
import { helmPath } from '../../charts/chart.ts'
import { commandOf } from '../../documents/documents.ts'
import { exits, succeeds } from '../../kubelet/script.ts'
import { jobsTotal } from '../../site/calls/metrics.ts'
import { openShell, type Shell } from '../../site/calls/shell.ts'
import { openSite, type Site } from '../../site/site.ts'

const page = 'docs/operations.md'

describe('a backup by docs/operations.md', function () {
  this.timeout('90s')
  let from: Site
  let to: Site
  let shell: Shell

  before(async function () {
    this.timeout('10m')
    await helmPath()
    ;({ site: from } = await openDocumentedSite())
    to = await openSite()
    shell = await openShell(from)
  })
  after(async () => {
    await Promise.all([from?.close(), to?.close()])
    await shell?.close()
  })

  const poolsOf = async (site: Site) => {
    const pools = await site.list(runnerPools)
    return pools.map(({ metadata: { name, labels, annotations }, spec }) => ({ name, labels, annotations, spec }))
  }

  it('restores pools and totals in an empty namespace', async () => {
    const labels = { labels: ['mine'] }
    await from.createPool('mine', { ...labels, repositories: ['owner/*'], maxRunners: 7 })
    await from.createPool('other', { ...labels, repositories: ['other/*'] })
    from.kubelet.onPod(({ metadata }) => (metadata.name.startsWith('bad') ? exits(1) : succeeds()))
    const operator = await from.operator({ env: { TOKEN_FILE: to.tokenFile } })
    for (const name of ['good-1', 'good-2', 'bad']) {
      await from.createJob(name, { ...labels, repository: 'owner/repo' })
      await from.jobIs(name, { phase: name === 'bad' ? 'Failed' : 'Completed' })
      await from.delete(runnerJobs, name)
    }
    await from.until('the ledger to count them', async () => {
      const { data } = (await from.get(configMaps, LEDGER_NAME)) ?? {}
      return data?.['completed'] === '2' && data['failed'] === '1'
    })
    await operator.terminate()

    await shell.run(commandOf(page, 'kubectl --namespace runnerhub get runnerpools'))
    const target = await shell.at(to)
    await target.run(commandOf(page, 'kubectl apply --server-side'))

    const own = (await poolsOf(from)).filter(({ name }) => name !== 'default')
    expect(own.map(({ name }) => name)).to.deep.equal(['mine', 'other'])
    expect(await poolsOf(to)).to.deep.equal(own)
    const [before, after] = [await from.get(configMaps, LEDGER_NAME), await to.get(configMaps, LEDGER_NAME)]
    expect(after?.data).to.deep.equal(before?.data)
    expect(after?.metadata.labels).to.deep.equal(before?.metadata.labels)
    const restored = await to.operator()
    const areExported = async () => (await jobsTotal(restored)).every((total) => total !== undefined)
    await to.until('the totals to be exported', areExported)
    expect(await jobsTotal(restored)).to.deep.equal([2, 1, 0])
    await to.createJob('next', { ...labels, repository: 'owner/repo' })
    await to.jobIs('next', { phase: 'Completed' })
    await to.until('the next job to be counted on top', async () => String(await jobsTotal(restored)) === '3,1,0')
  })
})
