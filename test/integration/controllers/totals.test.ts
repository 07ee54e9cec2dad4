import { expect } from 'chai'
import { configMaps } from '../../../src/api/config-map.ts'
import { LEDGER_NAME } from '../../../src/api/names.ts'
import { runnerJobs } from '../../../src/api/runner-job.ts'
import { exits, succeeds } from '../../kubelet/script.ts'
import type { Operator } from '../../processes/operator.ts'
import { jobsTotal, totalsOf, TotalsWatcher } from '../../site/calls/metrics.ts'
import { openSite, type Site } from '../../site/site.ts'

const forever = new AbortController().signal

/** Two replicas. The second takes over when the first is killed. */
describe('the totals of jobs', function () {
  this.timeout('180s')
  let site: Site
  let leader: Operator
  let standby: Operator
  const env = { LEASE_SECONDS: '3' }

  before(async () => {
    site = await openSite()
    await site.createPool('pool', { labels: ['linux'], maxRunners: 100, finishedPodTTLSeconds: 0 })
    site.kubelet.onPod(({ metadata }) => (metadata.name.startsWith('bad') ? exits(1) : succeeds()))
    leader = await site.operator({ identity: 'first', env })
    await leader.leads()
    standby = await site.operator({ identity: 'second', env })
  })
  afterEach(() => site.checkInvariants())
  after(() => site.close())

  const names = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix}-${index}`)
  const totalsAre = (wanted: number[], operator: Operator) =>
    site.until(
      `jobs_total to be ${wanted.join(', ')}`,
      async () => String(await jobsTotal(operator)) === String(wanted),
    )
  const noJobsLeft = () =>
    site.until('all jobs to be gone', async () => (await site.list(runnerJobs)).length === 0, 60_000)

  /** Waits until both export the same totals, and returns them. */
  const agreed = (operators: readonly Operator[]) =>
    site.until('both replicas to export the same', async () => {
      const [one, other] = await Promise.all(operators.map(totalsOf))
      return JSON.stringify(one) === JSON.stringify(other) ? one : undefined
    })

  it('stay the same while a hundred jobs reach their TTL, and cost few writes', async () => {
    const audit = site.plane.audit()
    await audit.mark()
    const watcher = new TotalsWatcher([leader, standby])
    const ttl = { ttlSecondsAfterFinished: 1 }
    for (const name of names('good', 60)) await site.createJob(name, { labels: ['linux'], ...ttl })
    for (const name of names('bad', 25)) await site.createJob(name, { labels: ['linux'], ...ttl })
    for (const name of names('idle', 15)) await site.createJob(name, { labels: ['nowhere'], cancel: true, ...ttl })
    await noJobsLeft()
    await totalsAre([60, 25, 15], leader)
    await totalsAre([60, 25, 15], standby)
    await watcher.end()
    expect(watcher.falls).to.deep.equal([])
    const ledger = (await audit.writes(site.namespace)).filter(({ resource }) => resource === 'configmaps')
    expect(ledger.length, 'writes of the ledger').to.be.within(1, 40)
  })

  it('are equal in both replicas, to the last bucket', async () => {
    const totals = await agreed([leader, standby])
    expect(totals['github_runnerhub_job_duration_seconds_count'], 'jobs that ran').to.equal(85)
  })

  it('stay the same when a finished job is deleted by hand', async () => {
    await Promise.all(names('kept', 3).map((name) => site.createJob(name, { labels: ['linux'] })))
    await totalsAre([63, 25, 15], leader)
    await totalsAre([63, 25, 15], standby)
    const watcher = new TotalsWatcher([leader, standby])
    for (const name of names('kept', 2)) await site.delete(runnerJobs, name)
    await site.until('the ledger to count them', async () => {
      const ledger = await site.get(configMaps, LEDGER_NAME)
      return ledger?.data?.['completed'] === '62'
    })
    await watcher.end()
    expect(watcher.falls).to.deep.equal([])
    expect(await jobsTotal(leader)).to.deep.equal([63, 25, 15])
    expect(await jobsTotal(standby)).to.deep.equal([63, 25, 15])
  })

  it('stay the same through a change of leader', async () => {
    const before = await agreed([leader, standby])
    leader.kill()
    await standby.leads()
    expect(await totalsOf(standby)).to.deep.equal(before)
    await site.createJob('after', { labels: ['linux'], ttlSecondsAfterFinished: 1 })
    await site.isGone('after')
    await totalsAre([64, 25, 15], standby)
  })

  it('are the same in a process that starts after all others have been killed', async () => {
    const before = await totalsOf(standby)
    standby.kill()
    leader = await site.operator({ identity: 'second', env })
    await totalsAre([64, 25, 15], leader)
    expect(await totalsOf(leader)).to.deep.equal(before)
  })

  it('survive the deletion of the ledger while a process runs', async () => {
    const before = await totalsOf(leader)
    await leader.leads()
    await site.delete(configMaps, LEDGER_NAME)
    await site.until('the ledger to be back', () => site.get(configMaps, LEDGER_NAME))
    expect(await totalsOf(leader)).to.deep.equal(before)
  })

  it('wait, and the jobs with them, while the ledger cannot be read', async () => {
    const before = await totalsOf(leader)
    const key = { namespace: site.namespace, name: LEDGER_NAME }
    const { data } = await site.client.get(configMaps, key, forever)
    const lines = leader.log.length
    await site.client.patchMerge(configMaps, key, { data: { completed: 'plenty' } }, forever)
    await leader.logged('the ledger of job totals cannot be read', lines)
    await site.createJob('patient', { labels: ['linux'], ttlSecondsAfterFinished: 0 })
    await leader.logged('reconcile failed', lines)
    expect((await site.job('patient'))?.status.phase).to.equal('Completed')
    await site.client.patchMerge(configMaps, key, { data }, forever)
    await site.isGone('patient')
    await totalsAre([65, 25, 15], leader)
    expect(Object.keys(await totalsOf(leader))).to.deep.equal(Object.keys(before))
  })
})
