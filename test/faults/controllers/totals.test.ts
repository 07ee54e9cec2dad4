import { expect } from 'chai'
import { configMaps } from '../../../src/api/config-map.ts'
import { LEDGER_NAME } from '../../../src/api/names.ts'
import { runnerJobs } from '../../../src/api/runner-job.ts'
import { succeeds } from '../../kubelet/script.ts'
import type { Operator } from '../../processes/operator.ts'
import { jobsTotal, scrape, TotalsWatcher } from '../../site/calls/metrics.ts'
import { openSite, type Site } from '../../site/site.ts'
import { type FaultProxy, startFaultProxy } from '../proxy/proxy.ts'

const CONTROLLERS = { userAgent: /^runnerhub-controller/ }
const LEDGER = { ...CONTROLLERS, path: /\/configmaps(\/|\?|$)/ }

/** Each test continues with the state of the previous one: the totals only grow. */
describe('the totals of jobs, after faults between counting and deleting', function () {
  this.timeout('180s')
  let site: Site
  let proxy: FaultProxy
  let operator: Operator
  let expected = 0

  before(async () => {
    site = await openSite()
    proxy = await startFaultProxy(site.plane.controlPlane)
    await site.createPool('pool', { maxRunners: 50 })
    site.kubelet.onPod(() => succeeds())
    operator = await site.operator({ proxy })
    await operator.leads()
  })
  afterEach(async () => {
    proxy.clear()
    await site.checkInvariants()
  })
  after(() => Promise.all([site.close(), proxy.close()]))

  async function makeJobs(prefix: string, ttlSecondsAfterFinished = 1): Promise<string[]> {
    const names = Array.from({ length: 10 }, (_, index) => `${prefix}-${index}`)
    for (const name of names) await site.createJob(name, { ttlSecondsAfterFinished })
    expected += names.length
    return names
  }
  const noJobsLeft = () =>
    site.until('all jobs to be gone', async () => (await site.list(runnerJobs)).length === 0, 45_000)
  const counted = async () => Number((await site.get(configMaps, LEDGER_NAME))?.data?.['completed'] ?? 0)
  const ledgerCounts = (count: number) =>
    site.until(`the ledger to count ${count}`, async () => (await counted()) === count)
  const expectTotals = () =>
    site.until(`${expected} jobs to be counted`, async () => (await jobsTotal(operator))[0] === expected)

  it('count each job once when the process is killed before it deletes what it has counted', async () => {
    const deletes = proxy.when({ ...CONTROLLERS, method: 'DELETE', path: /\/runnerjobs\// }).stall()
    await makeJobs('counted')
    await ledgerCounts(expected)
    await site.until('the first delete', () => deletes.hits > 0)
    operator.kill()
    expect(await site.list(runnerJobs), 'jobs that are counted and still there').to.have.length(10)
    deletes.remove()
    operator = await site.operator({ proxy })
    await expectTotals()
    await noJobsLeft()
    await expectTotals()
    expect(await counted()).to.equal(expected)
  })

  it('count each job once when the process is killed while the ledger is being written', async () => {
    const write = proxy.when({ ...LEDGER, method: 'PUT', times: 1 }).dropReply()
    await makeJobs('written')
    await site.until('the write', () => write.hits === 1)
    operator.kill()
    // The next process has the ledger before the jobs, and nothing reads its totals.
    const jobs = proxy.when({ path: /\/runnerjobs\?.*watch=true/, userAgent: /^runnerhub-cache/ }).delay(500)
    operator = await site.operator({ proxy })
    jobs.remove()
    await noJobsLeft()
    await expectTotals()
    expect(await counted()).to.equal(expected)
  })

  it('count each job once when responses to ledger writes are lost', async () => {
    const watcher = new TotalsWatcher([operator])
    const writes = proxy.when({ ...LEDGER, method: 'PUT', times: 3 }).dropReply()
    await makeJobs('unheard')
    await noJobsLeft()
    await expectTotals()
    await watcher.end()
    expect(watcher.falls).to.deep.equal([])
    expect(writes.hits).to.be.at.least(1)
    expect(await counted()).to.equal(expected)
  })

  it('count each job once when it is deleted by hand while its watch is broken', async () => {
    const names = await makeJobs('unseen', 3600)
    await expectTotals()
    const watcher = new TotalsWatcher([operator])
    const blind = proxy.when({ path: /\/runnerjobs\?.*watch=true/, userAgent: /^runnerhub-cache/ }).cut()
    for (const name of names) await site.delete(runnerJobs, name)
    blind.remove()
    await ledgerCounts(expected)
    await watcher.end()
    expect(watcher.falls).to.deep.equal([])
    await expectTotals()
  })

  it('come with a count of broken watches and of unanswered requests', async () => {
    const samples = [...(await scrape(operator))]
    const sum = (pattern: RegExp) =>
      samples.reduce((total, [name, value]) => total + (pattern.test(name) ? value : 0), 0)
    expect(sum(/^github_runnerhub_watch_restarts_total\{resource="runnerjobs",reason="Unreachable"/)).to.be.at.least(1)
    expect(sum(/^github_runnerhub_api_requests_total\{verb="update",code="none"/)).to.be.at.least(1)
  })
})
