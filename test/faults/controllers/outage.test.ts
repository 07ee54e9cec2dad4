import { expect } from 'chai'
import { JOB_LABEL } from '../../../src/api/names.ts'
import { runnerJobs } from '../../../src/api/runner-job.ts'
import { secrets } from '../../../src/api/secret.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { factsOf, handOver, pack } from '../../hand-over/sending.ts'
import { exited, ignored, running, runs, succeeds } from '../../kubelet/script.ts'
import { RestClient } from '../../observe/rest-client.ts'
import type { Operator } from '../../processes/operator.ts'
import { type Answer, call, expectFailure, isMarkedStale } from '../../site/calls/call.ts'
import { openSite, type Site } from '../../site/site.ts'

const DOWN_MS = 6000

describe('an API server that is killed and gone for six seconds', function () {
  this.timeout('120s')
  let site: Site
  let operator: Operator
  let rest: RestClient
  let id: string
  const run = ['run-0', 'run-1', 'run-2']
  const start = ['start-0', 'start-1', 'start-2']
  /** Jobs that came with their message: one runs, and the message of the other still waits for its pod. */
  const handedOver = { running: '', waiting: '' }
  /** Responses of the facade during the outage. */
  const responses: Record<string, Omit<Answer, 'text'>> = {}

  before(async () => {
    site = await openSite()
    await site.createPool('default')
    await site.createPool('closed', { labels: ['closed'], maxRunners: 0 })
    await site.createPool('workers', { mode: 'Worker', labels: ['workers'] })
    operator = await site.operator({ env: { LEASE_SECONDS: '5' } })
    rest = new RestClient(operator.url)
    site.kubelet.onPod(() => runs())
    for (const job of run) await site.createJob(job, { poolName: 'default' })
    for (const job of run) await site.jobIs(job, { phase: 'Running' })
    handedOver.running = await handOverJob('running')
    await site.jobIs(handedOver.running, { phase: 'Running' })
    site.kubelet.onPod(() => ignored())
    for (const job of start) await site.createJob(job, { poolName: 'default' })
    for (const job of start) await site.kubeletHas(job)
    handedOver.waiting = await handOverJob('waiting')
    await site.kubeletHas(handedOver.waiting)
    id = await rest.delegate({ jobId: '1', runId: '1', repository: 'owner/repo', labels: ['closed'] })
    // A caller's cached rights still count for reads.
    expect((await rest.get(`/api/jobs/${id}`)).status).to.equal(200)
    site.kubelet.onPod(() => succeeds())

    const { controlPlane } = site.plane
    const created = Promise.allSettled(['cut-0', 'cut-1'].map((job) => site.createJob(job, { poolName: 'default' })))
    await controlPlane.killApiServer()
    const since = performance.now()
    await created
    await ask()
    await site.until('six seconds to pass', () => performance.now() - since > DOWN_MS)
    responses['job at last'] = await askForJob()
    await controlPlane.startApiServer()
  })
  after(() => site.close())

  async function handOverJob(jobId: string): Promise<string> {
    const answer = await handOver(operator.url, factsOf(jobId, { labels: ['workers'] }), pack(`{"jobId":"${jobId}"}`))
    expect(answer.status, answer.text).to.equal(201)
    return String(asObject(answer.body['data'])['delegationId'])
  }

  const askForJob = () => call(`${operator.url}/api/jobs/${id}`)

  /** The kernel closes the sockets of the killed process one by one: watches may end after /health reports it. */
  async function ask(): Promise<void> {
    await site.until('/health to notice', async () => (await call(`${operator.url}/health`)).status === 503)
    const marked = async () => {
      const answer = await askForJob()
      return isMarkedStale(answer) ? answer : undefined
    }
    responses['job'] = await site.until('the watches to end', marked, DOWN_MS - 1000)
    const paths = {
      health: '/health',
      livez: '/livez',
      readyz: '/readyz',
      stranger: '/api/jobs/none',
    }
    for (const [name, path] of Object.entries(paths)) {
      responses[name] = await call(`${operator.url}${path}`)
    }
    responses['delegate'] = await rest.call('POST', '/api/jobs/delegate', { jobId: '2', runId: '1', repository: 'o/r' })
  }

  it('is reported by /health, while the process counts as alive and ready', () => {
    expect(responses['health']?.status).to.equal(503)
    expect(responses['health']?.body).to.include({ status: 'unhealthy' })
    expect(responses['health']?.body['checks']).to.deep.include({ database: 'fail' })
    expect(responses['livez']?.status).to.equal(200)
    expect(responses['readyz']?.status).to.equal(200)
  })

  it('leaves known jobs readable, marked as possibly stale', () => {
    for (const when of ['job', 'job at last']) {
      const answer = responses[when]
      expect(answer?.status, when).to.equal(200)
      expect(answer?.headers.get('x-runnerhub-stale'), when).to.equal('true')
      expect(asObject(answer?.body['data']), when).to.include({ id, status: 'queued' })
    }
  })

  for (const asked of ['delegate', 'stranger']) {
    it(`responds 503 with Retry-After if only the cluster knows: ${asked}`, () => {
      const answer = responses[asked]
      expect(answer?.status).to.equal(503)
      expect(Number(answer?.headers.get('retry-after'))).to.be.above(0)
      expect(answer?.body).to.include({ success: false, code: 'ClusterUnavailable' })
      expect(asObject(answer?.body['metadata'])).to.have.all.keys('timestamp', 'version')
      expect(JSON.stringify(answer?.body), 'no inner detail').to.not.match(/ECONNREFUSED|127\.0\.0\.1/)
    })
  }

  it('costs no job its pod or its outcome', async () => {
    await operator.leads(0, 30_000)
    for (const job of run) await site.kubelet.apply(`${job}-1`, (pod) => exited(pod, 0))
    for (const job of start) await site.kubelet.apply(`${job}-1`, 'bind', running, (pod) => exited(pod, 0))
    for (const job of [...run, ...start]) await site.jobIs(job, { phase: 'Completed' }, 40_000)
    for (const { metadata } of await site.list(runnerJobs)) {
      if (metadata.name.startsWith('cut')) await site.jobIs(metadata.name, { phase: 'Completed' }, 30_000)
    }
    await site.checkInvariants()
  })

  it('costs no handed-over job its message or the result of its runner', async () => {
    const { running: begun, waiting } = handedOver
    await site.kubelet.apply(`${begun}-1`, (pod) => exited(pod, 103))
    await site.jobIs(begun, { phase: 'Cancelled', result: 'Canceled', exitCode: 103 }, 40_000)
    const left = async () =>
      (await site.list(secrets)).filter(({ metadata }) => metadata.labels?.[JOB_LABEL] === waiting)
    expect(await left(), 'the message').to.have.length(1)
    await site.kubelet.apply(`${waiting}-1`, 'bind', running)
    await site.until('the message to be gone', async () => (await left()).length === 0)
    await site.kubelet.apply(`${waiting}-1`, (pod) => exited(pod, 102))
    await site.jobIs(waiting, { phase: 'Failed', result: 'Failed', exitCode: 102 }, 40_000)
  })

  it('ends for the facade too', async () => {
    const again = async () =>
      (await rest.call('POST', '/api/jobs/delegate', { jobId: '2', runId: '1', repository: 'o/r' })).status
    await site.until('delegations to work again', async () => (await again()) === 201)
    await site.until('/health to be well', async () => (await call(`${operator.url}/health`)).status === 200)
  })
})

describe('a store that is full', function () {
  this.timeout('120s')
  let site: Site
  let operator: Operator
  let rest: RestClient

  before(async () => {
    site = await openSite()
    await site.createPool('default')
    operator = await site.operator({ env: { LEASE_SECONDS: '5' } })
    rest = new RestClient(operator.url)
    site.kubelet.onPod(() => runs())
  })
  after(() => site.close())

  it('refuses delegations with 503, keeps known jobs readable, and costs no job its pod or its outcome', async () => {
    const { controlPlane } = site.plane
    await site.createJob('before')
    await site.jobIs('before', { phase: 'Running' })
    expect((await rest.get('/api/jobs/before')).status).to.equal(200)
    await controlPlane.alarmNoSpace('ACTIVATE')
    const lines = operator.log.length
    try {
      const facts = { jobId: '1', runId: '1', repository: 'owner/repo' }
      const refused = await call(`${operator.url}/api/jobs/delegate`, { method: 'POST', body: facts })
      expectFailure(refused, 503, 'ClusterUnavailable')
      expect(Number(refused.headers.get('retry-after'))).to.be.above(0)
      expect((await rest.get('/api/jobs/before')).status).to.equal(200)
      await operator.logged('stopped leading', lines)
    } finally {
      await controlPlane.alarmNoSpace('DEACTIVATE')
    }
    await operator.leads(lines, 30_000)
    await site.kubelet.apply('before-1', (pod) => exited(pod, 0))
    await site.jobIs('before', { phase: 'Completed' }, 40_000)
    site.kubelet.onPod(() => succeeds())
    await site.createJob('after')
    await site.jobIs('after', { phase: 'Completed' }, 40_000)
    expect(operator.isRunning).to.equal(true)
    await site.checkInvariants()
  })
})
