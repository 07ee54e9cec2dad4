import { expect } from 'chai'
import { runnerJobs } from '../../../src/api/runner-job.ts'
import { runners } from '../../../src/api/runner.ts'
import { exits } from '../../kubelet/script.ts'
import { inWords } from '../../observe/audit.ts'
import { openSite, type Site } from '../../site/site.ts'

const forever = new AbortController().signal

describe('another writer that changes a job rapidly', function () {
  this.timeout('60s')
  let site: Site

  before(async () => {
    site = await openSite()
    await site.createPool('default')
    await site.operator()
  })
  after(() => site.close())

  it('delays no outcome, causes few conflicts, and loses none of its own changes', async () => {
    site.kubelet.onPod(() => exits(6, { startMs: 200, runMs: 1000 }))
    const audit = site.plane.audit()
    const jobs = ['a', 'b', 'c']
    for (const job of jobs) await site.createJob(job)
    const counts = await Promise.all(jobs.map(touchUntilOver))
    for (const [index, job] of jobs.entries()) {
      const ended = await site.jobIs(job, { phase: 'Failed', reason: 'ExitCode', exitCode: 6 })
      expect(ended.metadata.labels?.['touched']).to.equal(String(counts[index]))
    }
    expect(Math.min(...counts), 'changes by the other writer').to.be.above(5)
    const writes = await audit.writes(site.namespace)
    const conflicts = writes.filter(
      ({ userAgent, code }) => userAgent.startsWith('runnerhub-controller') && code === 409,
    )
    expect(conflicts.length, inWords(conflicts).join('\n')).to.be.below(30 * jobs.length)
    await site.checkInvariants()
  })

  /** Changes labels of the job and its Runner in turn, without a pause, until the job has finished. */
  async function touchUntilOver(job: string): Promise<number> {
    const key = { namespace: site.namespace, name: job }
    for (let count = 1; ; count += 1) {
      const metadata = { labels: { touched: String(count) } }
      const now = await site.client.patchMerge(runnerJobs, key, { metadata }, forever)
      if (now.status.completedAt !== undefined) return count
      const runner = { ...key, name: `${job}-1` }
      await site.client.patchMerge(runners, runner, { metadata }, forever).catch(() => {})
    }
  }
})
