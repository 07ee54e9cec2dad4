import { spawnSync } from 'node:child_process'
import { expect } from 'chai'
import { runnerJobs } from '../../../src/api/runner-job.ts'
import { exits, succeeds } from '../../kubelet/script.ts'
import { samplesOf } from '../../objects/samples.ts'
import { RestClient } from '../../observe/rest-client.ts'
import { command, localTool } from '../../processes/command.ts'
import type { Operator } from '../../processes/operator.ts'
import { type Answer, call, expectFailure, sendRaw } from '../../site/calls/call.ts'
import { jobsTotal } from '../../site/calls/metrics.ts'
import { openSite, type Site, TOKEN } from '../../site/site.ts'
import { type Listener, rawListener, socketIoListener } from '../realtime/listener.ts'

describe('the metrics', function () {
  this.timeout('180s')
  let site: Site
  let operator: Operator

  before(async () => {
    site = await openSite()
    await site.createPool('pool', { labels: ['linux'] })
    operator = await site.operator()
    // A process exports no totals before it knows them, but is ready all the same.
    await jobsAre([0, 0, 0])
  })
  afterEach(() => site.checkInvariants())
  after(() => site.close())

  const scrape = (from = operator): Promise<Answer> => call(`${from.url}/api/metrics`)
  const jobsAre = async (wanted: number[], from = operator) =>
    site.until(`jobs_total to be ${wanted.join(', ')}`, async () => String(await jobsTotal(from)) === String(wanted))

  it('are in Prometheus text format, with all states before there is a job', async () => {
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

  it('sum what jobs requested, by repository, also after their deletion', async () => {
    const requests = { cpu: '500m', memory: '1Gi' }
    await site.createPool('billed', {
      labels: ['billed'],
      attribution: { podLabels: ['Repository', 'Workflow'] },
      template: { spec: { containers: [{ name: 'runner', image: 'image', resources: { requests } }] } },
    })
    site.kubelet.onPod(() => succeeds({ runMs: 2000 }))
    const facts = { labels: ['billed'], repository: 'Octo/Shop', workflow: 'CI/CD', ttlSecondsAfterFinished: 1 }
    await site.createJob('billed', facts)
    const pod = await site.until('its pod', () => site.pod('billed'))
    expect(pod.metadata.labels?.['runnerhub.dev/repository']).to.match(/^octo\.shop-[0-9a-f]{10}$/)
    expect(pod.metadata.labels?.['runnerhub.dev/workflow']).to.match(/^CI\.CD-[0-9a-f]{10}$/)
    const { requested } = (await site.jobIs('billed', { phase: 'Completed' })).status
    const { cpuMillicoreSeconds: cpu = 0, memoryMebibyteSeconds: memory = 0 } = requested ?? {}
    // Its pod ran for two seconds, in times of whole seconds.
    expect(cpu).to.be.within(500, 5000)
    expect(memory / cpu).to.be.closeTo(1024 / 500, 0.01)
    await site.until('the job to be gone', async () => (await site.job('billed')) === undefined)
    const samples = samplesOf((await scrape()).text)
    const of = (name: string) => samples.get(`github_runnerhub_requested_${name}_total{repository="octo/shop"}`)
    expect(of('cpu_seconds')).to.be.closeTo(cpu / 1000, 1e-6)
    expect(of('memory_byte_seconds')).to.equal(memory * 2 ** 20)
    await jobsAre([3, 1, 1])
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
    await jobsAre([3, 1, 2])
    // The reports above have been processed by now, so they would have been counted.
    await site.createJob('later', { labels: ['linux'] })
    await jobsAre([4, 1, 2])
  })

  it('have nothing that promtool would change', async () => {
    const { text } = await scrape()
    const promtool = await command(localTool('promtool-path'))
    const { status, stdout, stderr } = spawnSync(promtool, ['check', 'metrics'], { input: text, encoding: 'utf8' })
    expect({ status, stdout, stderr }).to.deep.equal({ status: 0, stdout: '', stderr: '' })
  })

  it('describe the process', async () => {
    const samples = samplesOf((await scrape()).text)
    const least = (name: string, value: number) =>
      expect(samples.get(`github_runnerhub_${name}`), name).to.be.at.least(value)
    least('leader', 1)
    least('reconciles_total{kind="job",outcome="success"}', 5)
    least('reconcile_duration_seconds_count{kind="runner"}', 3)
    least('workqueue_wait_seconds_count{lane="urgent"}', 5)
    least('job_start_seconds_count{phase="queued"}', 3)
    least('api_requests_total{verb="create",code="201"}', 6)
    least('api_requests_total{verb="watch",code="200"}', 5)
    least('api_request_duration_seconds_count{verb="update"}', 6)
    least('http_requests_total{route="delegate",code="201"}', 1)
    least('http_requests_total{route="report",code="200"}', 2)
    least('http_requests_total{route="none",code="401"}', 2)
    least('http_request_duration_seconds_count', 5)
    least('job_failures_total{reason="ExitCode"}', 1)
    // At the start, and on becoming leader.
    least('watch_lists_total{resource="runnerjobs"}', 2)
    least('runners{type="ephemeral",status="stopping"}', 3)
    for (const name of ['process_cpu_seconds_total', 'process_resident_memory_bytes', 'nodejs_heap_size_used_bytes']) {
      expect(samples.get(name), name).to.be.above(0)
    }
  })

  const openers: Record<string, () => Promise<Listener>> = {
    websocket: () => rawListener(operator.realtimeUrl, { token: TOKEN }),
    socketio: () => socketIoListener(operator.realtimeUrl, { token: TOKEN, transport: 'polling' }),
  }
  for (const [transport, open] of Object.entries(openers)) {
    it(`count realtime clients by ${transport}, and their messages`, async () => {
      const totals = async () => samplesOf((await scrape()).text)
      const of = async (name: string) =>
        (await totals()).get(`github_runnerhub_realtime_${name}{transport="${transport}"}`)
      const client = await open()
      expect(await of('clients')).to.equal(1)
      await client.send('subscribe:repository', 'owner/repo')
      await site.until('the client to receive a job', async () => {
        await site.createJob(`told-${Date.now()}`, { labels: ['linux'] })
        return ((await of('messages_sent_total')) ?? 0) > 0
      })
      client.close()
      await site.until('the client to be gone', async () => (await of('clients')) === 0)
    })
  }

  it('do not count in the rate limit of an authorised caller', async () => {
    const rest = new RestClient(operator.url)
    const remaining = async () => Number((await rest.get('/api/jobs')).headers.get('x-ratelimit-remaining'))
    const before = await remaining()
    for (let index = 0; index < 3; index += 1) await scrape()
    expect(await remaining(), 'after scrapes').to.equal(before - 1)
    for (const method of ['POST', 'OPTIONS']) {
      await call(`${operator.url}/api/metrics`, { method, headers: { authorization: `Bearer ${TOKEN}` } })
    }
    expect(await remaining(), 'after what is no scrape').to.equal(before - 4)
  })

  it('are served by a process that runs the controllers only, with its health', async () => {
    const controllers = await site.operator({ identity: 'operator-3', env: { ROLES: 'controllers' } })
    expect((await scrape(controllers)).status).to.equal(200)
    expect((await call(`${controllers.url}/health`, { headers: {} })).status).to.equal(200)
    expectFailure(await call(`${controllers.url}/api/metrics`, { headers: {} }), 401, 'Unauthorized')
    const head = `GET /api/jobs HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`
    const [api] = await sendRaw(controllers.url, head)
    expect(api.status, 'the API').to.equal(404)
  })

  it('are the same in another process', async () => {
    const other = await site.operator({ identity: 'operator-2' })
    await site.until(
      'both to export the same',
      async () => String(await jobsTotal(operator)) === String(await jobsTotal(other)),
    )
  })
})
