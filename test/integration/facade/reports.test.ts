import { expect } from 'chai'
import { runnerJobs } from '../../../src/api/runner-job.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { runs, waitsFor } from '../../kubelet/script.ts'
import { GARBAGE_MS } from '../../observe/eventually.ts'
import { RestClient } from '../../observe/rest-client.ts'
import { openAnswer } from '../../site/calls/call.ts'
import { openSite, type Site, TOKEN } from '../../site/site.ts'

const accounts = { group: '', version: 'v1', plural: 'serviceaccounts', kind: 'ServiceAccount' }

describe('a report on a job', function () {
  this.timeout('90s')
  let site: Site
  let rest: RestClient
  let url: string
  let count = 0

  before(async () => {
    site = await openSite()
    await site.createPool('default', { labels: ['linux'] })
    site.kubelet.onPod(() => runs())
    url = (await site.operator({ env: { START_TROUBLE_SECONDS: '5' } })).url
    rest = new RestClient(url)
  })
  afterEach(() => site.checkInvariants())
  after(() => site.close())

  /** A job without a matching pool: it waits for a report. */
  async function waitingJob(label = 'nobody-offers-this'): Promise<{ id: string; jobId: string }> {
    const jobId = String(++count)
    const id = await rest.delegate({ jobId, runId: '7', repository: 'owner/repo', labels: [label] })
    return { id, jobId }
  }

  const delegate = async (label: string): Promise<string> =>
    rest.delegate({ jobId: String(++count), runId: '7', repository: 'owner/repo', labels: [label] })
  const patch = (id: string, body: unknown) => rest.call('PATCH', `/api/jobs/${id}/status`, body)
  const complete = (id: string, body: unknown) => rest.call('POST', `/api/jobs/${id}/proxy-complete`, body)
  const detail = async (id: string) => asObject((await rest.get(`/api/jobs/${id}`)).data)

  it('moves it on, and shows the ids that it names', async () => {
    const { id } = await waitingJob()
    const { status, data } = await patch(id, { status: 'running', runnerId: 'runner-7', containerId: 'container-7' })
    expect(status).to.equal(200)
    expect(data).to.include({ id, status: 'running' })
    expect(asObject(data)['updatedAt']).to.match(/^\d{4}-.*Z$/)
    const job = await detail(id)
    expect(job).to.include({ status: 'running', runnerId: 'runner-7', containerId: 'container-7' })
    expect(job['startedAt']).to.be.a('string')
  })

  describe('to cancel it', () => {
    const cancel = (id: string) => rest.call('POST', `/api/jobs/${id}/cancel`)

    it('ends a job without a pod at once, and is taken again', async () => {
      const { id } = await waitingJob()
      const { status, data } = await cancel(id)
      expect(status).to.equal(202)
      expect(data).to.include({ id }).and.have.all.keys('id', 'status')
      await site.jobIs(id, { phase: 'Cancelled', reason: 'CancelRequested' })
      expect(await cancel(id)).to.deep.include({ status: 202, data: { id, status: 'cancelled' } })
    })

    it('stops the pod of a running job, whose end a waiting call hears at once', async () => {
      const id = await delegate('linux')
      await site.jobIs(id, { phase: 'Running' })
      const waiting = rest.get(`/api/jobs/${id}?waitSeconds=60`)
      const begun = Date.now()
      expect(await cancel(id)).to.deep.include({ status: 202, data: { id, status: 'running' } })
      const ended = await waiting
      expect(asObject(ended.data)).to.include({ id, status: 'cancelled' })
      expect(asObject(asObject(ended.data)['metadata'])).to.include({ reason: 'CancelRequested', exitCode: 143 })
      expect(Date.now() - begun).to.be.below(20_000)
    })

    it('is refused with 409 for a job that has ended in another way, and with 404 for none', async () => {
      const { id } = await waitingJob()
      await patch(id, { status: 'completed' })
      const refused = await cancel(id)
      expect([refused.status, refused.body['code']]).to.deep.equal([409, 'IllegalTransition'])
      expect((await cancel('none')).status).to.equal(404)
    })
  })

  describe('is waited for with waitSeconds', () => {
    const wait = (id: string, seconds: string) => rest.get(`/api/jobs/${id}?waitSeconds=${seconds}`)

    it('until the job is over, however that comes', async () => {
      const { id } = await waitingJob()
      const waiting = wait(id, '60')
      await patch(id, { status: 'running' })
      await patch(id, { status: 'completed' })
      expect(asObject((await waiting).data)).to.include({ id, status: 'completed' })
      expect(asObject((await wait(id, '60')).data), 'one that is over').to.include({ id, status: 'completed' })
    })

    it('no longer than it says, and then shows the present state', async () => {
      const { id } = await waitingJob()
      const begun = Date.now()
      const answer = await wait(id, '1')
      expect(Date.now() - begun).to.be.within(950, 10_000)
      expect([answer.status, asObject(answer.data)['status']]).to.deep.equal([200, 'queued'])
    })

    it('with a byte every few seconds, so that a client with a short time-out does not give up', async () => {
      const { id } = await waitingJob()
      const headers = { authorization: `Bearer ${TOKEN}` }
      const response = await openAnswer(`${url}/api/jobs/${id}?waitSeconds=60`, { headers })
      await patch(id, { status: 'running' })
      await patch(id, { status: 'completed' })
      const text = await response.text()
      expect(text).to.match(/^\{"success":true,"data": +\{"id":/)
      expect(asObject(asObject(JSON.parse(text))['data'])).to.include({ id, status: 'completed' })
    })

    it('until the job is deleted', async () => {
      const { id } = await waitingJob()
      const waiting = wait(id, '60')
      await site.delete(runnerJobs, id)
      expect((await waiting).status).to.equal(404)
    })

    for (const seconds of ['61', '-1', '1.5', 'x', '']) {
      it(`is refused with 400 for ${seconds === '' ? 'nothing' : seconds}`, async () => {
        const refused = await wait('none', seconds)
        expect([refused.status, refused.body['code']]).to.deep.equal([400, 'InvalidRequest'])
      })
    }
  })

  it('of a queued job keeps it from getting a pod', async () => {
    const label = 'offered-later'
    const { id } = await waitingJob(label)
    await patch(id, { status: 'assigned' })
    await site.createPool('late', { labels: [label] })
    const other = (await waitingJob(label)).id
    await site.jobIs(other, { phase: 'Running' })
    expect(await site.runner(id)).to.equal(undefined)
  })

  it('of a job whose pod is refused for now takes its Runner away, for others to have the place', async () => {
    const spec = { serviceAccountName: 'late', containers: [{ name: 'runner', image: 'runner' }] }
    await site.createPool('refused', { labels: ['refused'], maxRunners: 1, template: { spec } })
    const [id, other] = [await delegate('refused'), await delegate('refused')]
    await site.jobIs(id, { reason: 'AdmissionDenied' })
    await patch(id, { status: 'running', runnerId: 'runner-7' })
    await site.until('the Runner to be gone', async () => (await site.runner(id)) === undefined)
    await site.jobIs(other, { reason: 'AdmissionDenied' })
    await site.create(accounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'late' } })
    await site.jobIs(other, { phase: 'Running', reason: 'Running' })
    expect(site.kubelet.ledger.of(id), 'pods of the job that runs elsewhere').to.deep.equal([])
    expect((await patch(id, { status: 'completed' })).status).to.equal(200)
  })

  it('of a job whose pod cannot start takes the pod away after a while, and the job goes on', async () => {
    site.kubelet.onPod(() => waitsFor('ErrImagePull'))
    const id = await delegate('linux')
    await site.jobIs(id, { reason: 'ImagePull' })
    site.kubelet.onPod(() => runs())
    await patch(id, { status: 'running' })
    await site.until('the pod to be gone', async () => (await site.pod(id)) === undefined, 13_000 + GARBAGE_MS)
    expect(await detail(id)).to.include({ status: 'running' })
    expect((await patch(id, { status: 'completed' })).status).to.equal(200)
  })

  it('twice has the effect of one', async () => {
    const { id, jobId } = await waitingJob()
    const body = { status: 'completed', runId: '7', jobId }
    expect((await complete(id, body)).status).to.equal(200)
    const first = await detail(id)
    expect((await complete(id, body)).status).to.equal(200)
    expect((await patch(id, { status: 'completed' })).status).to.equal(200)
    expect(await detail(id)).to.deep.equal(first)
    expect(first['completedAt']).to.be.a('string')
  })

  it('that contradicts its state is 409 and names the state', async () => {
    const { id, jobId } = await waitingJob()
    await complete(id, { status: 'failed', runId: '7', jobId })
    for (const status of ['queued', 'running', 'completed', 'cancelled']) {
      const { status: code, body } = await patch(id, { status })
      expect(code, status).to.equal(409)
      expect(body['error']).to.include('the job is failed')
    }
    for (const status of ['completed', 'cancelled']) {
      const { status: code, body } = await complete(id, { status, runId: '7', jobId })
      expect([code, body['code']], status).to.deep.equal([409, 'IllegalTransition'])
      expect(body['error']).to.include('the job is failed')
    }
    expect(await detail(id)).to.include({ status: 'failed' })
  })

  it('about another run or job is rejected and changes nothing', async () => {
    const { id, jobId } = await waitingJob()
    for (const body of [
      { status: 'completed', runId: '8', jobId },
      { status: 'completed', runId: '7', jobId: 'x' },
    ]) {
      expect((await complete(id, body)).status).to.equal(409)
    }
    expect(await detail(id)).to.include({ status: 'queued' })
  })

  it('that it has ended stops its pod', async () => {
    const jobId = String(++count)
    const id = await rest.delegate({ jobId, runId: '7', repository: 'owner/repo', labels: ['linux'] })
    await site.jobIs(id, { phase: 'Running' })
    expect((await complete(id, { status: 'cancelled', runId: '7', jobId })).status).to.equal(200)
    await site.jobIs(id, { phase: 'Cancelled', reason: 'Reported' })
    await site.until('the pod to be gone', async () => (await site.pod(id)) === undefined)
  })

  it('from many at once is applied by one of them', async () => {
    const { id } = await waitingJob()
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => patch(id, { status: index % 2 === 0 ? 'completed' : 'failed' })),
    )
    const codes = new Set(answers.map(({ status }) => status))
    expect([...codes]).to.have.members([200, 409])
    expect((await detail(id))['status']).to.be.oneOf(['completed', 'failed'])
  })

  const bad: unknown[] = [
    {},
    { status: 'done' },
    { status: 'Running' },
    { status: 7 },
    [],
    'running',
    { status: 'running', runnerId: 7 },
  ]
  for (const body of bad) {
    it(`like ${JSON.stringify(body)} is rejected`, async () => {
      const { id } = await waitingJob()
      expect((await patch(id, body)).status).to.equal(400)
    })
  }

  it('may have empty or null ids', async () => {
    const { id } = await waitingJob()
    expect((await patch(id, { status: 'running', runnerId: '', containerId: null })).status).to.equal(200)
    expect((await complete(id, { status: 'completed', runId: null, jobId: '' })).status).to.equal(200)
  })

  it('on a job that does not exist is 404', async () => {
    const id = '550e8400-e29b-41d4-a716-446655440000'
    expect((await patch(id, { status: 'running' })).status).to.equal(404)
    expect((await complete(id, { status: 'completed' })).status).to.equal(404)
  })
})
