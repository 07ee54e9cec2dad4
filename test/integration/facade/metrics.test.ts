import { expect } from 'chai'
import { runnerJobs } from '../../../src/api/runner-job.ts'
import { exits, succeeds } from '../../kubelet/script.ts'
import type { Operator } from '../../operator.ts'
import { RestClient } from '../../rest-client.ts'
import { openSite, type Site, TOKEN } from '../../site.ts'
import { type Answer, call, expectFailure } from '../../site/call.ts'
import { jobsTotal, samplesOf } from '../../site/metrics.ts'

describe('the metrics', function () {
  this.timeout('90s')
  let site: Site
  let operator: Operator

  before(async () => {
    site = await openSite()
    await site.createPool('pool', { labels: ['linux'] })
    operator = await site.operator()
  })
  afterEach(() => site.checkInvariants())
  after(() => site.close())

  const scrape = (from = operator): Promise<Answer> => call(`${from.url}/api/metrics`)
  const jobsAre = async (wanted: number[], from = operator) =>
    site.until(`jobs_total to be ${wanted.join(', ')}`, async () => String(await jobsTotal(from)) === String(wanted))

  it('are Prometheus’ text format, and tell of all states before there is a job', async () => {
    const { status, headers, text } = await scrape()
    expect(status).to.equal(200)
    expect(headers.get('content-type')).to.equal('text/plain; version=0.0.4; charset=utf-8')
    for (const state of ['completed', 'failed', 'cancelled']) {
      expect(text).to.include(`\ngithub_runnerhub_jobs_total{status="${state}"} 0\n`)
    }
  })

  it('have the texts and the buckets of the reference', async () => {
    const { text } = await scrape()
    expect(text).to.include(
      '# HELP github_runnerhub_jobs_total Total number of jobs processed\n# TYPE github_runnerhub_jobs_total counter\n',
    )
    expect(text).to.include(
      '# HELP github_runnerhub_job_duration_seconds Job execution duration\n' +
        '# TYPE github_runnerhub_job_duration_seconds histogram\n' +
        [10, 30, 60, 120, 300, 600, 1800, 3600, '+Inf']
          .map((le) => `github_runnerhub_job_duration_seconds_bucket{le="${le}"} 0\n`)
          .join('') +
        'github_runnerhub_job_duration_seconds_sum 0\ngithub_runnerhub_job_duration_seconds_count 0\n',
    )
  })

  it('are for known callers only', async () => {
    expectFailure(await call(`${operator.url}/api/metrics`, { headers: {} }), 401, 'Unauthorized')
    const headers = { authorization: `Bearer ${TOKEN}x` }
    expectFailure(await call(`${operator.url}/api/metrics`, { headers }), 401, 'Unauthorized')
  })

  it('count each job once, however it ended, and its duration where it ran', async () => {
    site.kubelet.onPod(({ metadata }) => (metadata.name === 'bad-1' ? exits(1) : succeeds()))
    await Promise.all(['good', 'better', 'bad'].map((name) => site.createJob(name, { labels: ['linux'] })))
    await site.createJob('stuck', { labels: ['nowhere'] })
    await site.cancel('stuck')
    await jobsAre([2, 1, 1])
    const samples = samplesOf((await scrape()).text)
    expect(samples.get('github_runnerhub_job_duration_seconds_count')).to.equal(3)
    expect(samples.get('github_runnerhub_job_duration_seconds_bucket{le="3600"}')).to.equal(3)
  })

  it('count one cancellation once, however often it is asked for and reported', async () => {
    const rest = new RestClient(operator.url)
    const id = await rest.delegate({ jobId: '7', runId: '7', repository: 'owner/repo', labels: ['nowhere'] })
    await site.cancel(id)
    await site.jobIs(id, { phase: 'Cancelled' })
    const key = { namespace: site.namespace, name: id }
    await site.client.patchMerge(runnerJobs, key, { spec: { cancel: true } }, AbortSignal.timeout(5000))
    for (const status of ['cancelled', 'cancelled']) {
      expect((await rest.call('PATCH', `/api/jobs/${id}/status`, { status })).status).to.equal(200)
    }
    expect((await rest.call('POST', `/api/jobs/${id}/proxy-complete`, { status: 'cancelled' })).status).to.equal(200)
    await jobsAre([2, 1, 2])
  })

  it('are the same in another process', async () => {
    const other = await site.operator({ identity: 'operator-2' })
    await jobsAre([2, 1, 2], other)
  })
})
