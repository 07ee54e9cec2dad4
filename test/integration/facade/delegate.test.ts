import { expect } from 'chai'
import { runnerJobs } from '../../../src/api/runner-job.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { containerId, exited, runs } from '../../kubelet/script.ts'
import { call, expectFailure, expectMetadata } from '../../site/calls/call.ts'
import { openSite, type Site } from '../../site/site.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

/** The body of the API reference, word for word. */
const documented = {
  jobId: '123456',
  runId: '789012',
  repository: 'owner/repo',
  workflow: 'CI/CD Pipeline',
  runnerName: 'proxy-runner-1',
  sha: 'abc123def456',
  ref: 'refs/heads/main',
  eventName: 'push',
  actor: 'username',
  labels: ['self-hosted', 'ubuntu-latest', 'docker'],
}

describe('POST /api/jobs/delegate and GET /api/jobs/:id', function () {
  this.timeout('60s')
  let site: Site
  let url: string
  let id: string

  before(async () => {
    site = await openSite()
    site.kubelet.onPod(() => runs())
    url = (await site.operator()).url
  })
  after(() => site.close())

  const delegate = (body: unknown) => call(`${url}/api/jobs/delegate`, { method: 'POST', body })
  const detail = async (job: string) => asObject((await call(`${url}/api/jobs/${job}`)).body['data'])

  it('responds 201 with the delegation’s id and status, as documented', async () => {
    const { status, headers, body } = await delegate(documented)
    expect(status).to.equal(201)
    expect(headers.get('content-type')).to.equal('application/json; charset=utf-8')
    expect(body).to.have.all.keys('success', 'data', 'metadata')
    expect(body['success']).to.equal(true)
    expectMetadata(body)
    const data = asObject(body['data'])
    expect(data).to.have.all.keys('delegationId', 'status')
    expect(data['status']).to.equal('queued')
    expect(data['delegationId']).to.match(UUID)
    id = String(data['delegationId'])
    expect(headers.get('location')).to.equal(`/api/jobs/${id}`)
  })

  it('is read back at once, with every documented key, null if unknown', async () => {
    const { status, body } = await call(`${url}/api/jobs/${id}`)
    expect(status).to.equal(200)
    expect(body).to.have.all.keys('success', 'data', 'metadata')
    const { metadata, ...data } = asObject(body['data'])
    expect(data).to.deep.equal({
      id,
      githubJobId: 123456,
      jobId: '123456',
      runId: '789012',
      repository: 'owner/repo',
      workflow: 'CI/CD Pipeline',
      runnerName: 'proxy-runner-1',
      status: 'queued',
      runnerId: null,
      containerId: null,
      labels: ['self-hosted', 'ubuntu-latest', 'docker'],
      startedAt: null,
      completedAt: null,
    })
    expect(asObject(metadata)).to.include({ proxyRunner: 'proxy-runner-1' })
    expect(asObject(metadata)['delegatedAt']).to.match(ISO)
  })

  it('creates a RunnerJob of that name, with the facts as sent', async () => {
    const { spec, metadata } = (await site.job(id)) ?? {}
    expect(spec).to.deep.include(documented)
    expect(spec?.delegatedAt).to.match(ISO)
    expect(metadata?.labels, 'free text in labels').to.equal(undefined)
  })

  it('shows a running job with its start, its Runner and its container', async () => {
    await site.createPool('default', { labels: documented.labels })
    const job = await site.jobIs(id, { phase: 'Running' })
    const pod = await site.until('the pod', () => site.pod(id))
    await site.until('the facade to have seen it', async () => (await detail(id))['status'] === 'running')
    const data = await detail(id)
    expect(data).to.include({ runnerId: job.status.runnerRef?.uid, containerId: containerId(pod), completedAt: null })
    expect(data['startedAt']).to.match(ISO)
  })

  it('shows the end of a finished job', async () => {
    await site.kubelet.apply(`${id}-1`, (pod) => exited(pod, 0))
    await site.until('the facade to have seen it', async () => (await detail(id))['status'] === 'completed')
    const data = await detail(id)
    expect(data['completedAt']).to.match(ISO)
    expect(asObject(data['metadata'])).to.include({ exitCode: 0, reason: 'Succeeded' })
  })

  it('accepts numeric ids, and shows them as strings', async () => {
    const { body } = await delegate({ jobId: 42, runId: 9007199254740991, repository: 'owner/repo' })
    const data = await detail(String(asObject(body['data'])['delegationId']))
    expect(data).to.include({ jobId: '42', githubJobId: 42, runId: '9007199254740991' })
  })

  it('treats null, and empty or blank strings, as absent optional facts', async () => {
    const nothing = { workflow: '', runnerName: null, sha: '', ref: ' ', eventName: '', actor: null, labels: null }
    const sent = { jobId: 'of little', runId: '1', repository: 'owner/repo', runAttempt: '2', ...nothing }
    const { status, body } = await delegate(sent)
    expect(status).to.equal(201)
    const made = String(asObject(body['data'])['delegationId'])
    expect(await detail(made)).to.deep.include({ workflow: null, runnerName: null, labels: [] })
    const { spec } = (await site.job(made)) ?? {}
    expect(spec).to.include({ runAttempt: 2 })
    expect(spec).to.not.have.any.keys(...Object.keys(nothing))
  })

  it('shows a job id that is not a number as a string only', async () => {
    const { body } = await delegate({ jobId: 'build', runId: '1', repository: 'owner/repo' })
    const data = await detail(String(asObject(body['data'])['delegationId']))
    expect(data).to.include({ jobId: 'build', githubJobId: null, workflow: null, runnerName: null })
    expect(data['labels']).to.deep.equal([])
  })

  it('ignores unknown fields, so that no caller sets fields of the operator', async () => {
    const smuggled = {
      status: { phase: 'Completed' },
      phase: 'Completed',
      cancel: true,
      poolName: 'secret-pool',
      ttlSecondsAfterFinished: 0,
      timeoutSeconds: 1,
      delegatedAt: '1999-01-01T00:00:00Z',
      metadata: { finalizers: ['x/y'], ownerReferences: [], namespace: 'kube-system', name: 'x' },
      podTemplate: { hostNetwork: true },
      env: { PATH: '/tmp' },
    }
    const { status, body } = await delegate({ jobId: '7', runId: '7', repository: 'owner/repo', ...smuggled })
    expect(status).to.equal(201)
    const job = await site.job(String(asObject(body['data'])['delegationId']))
    expect(job?.spec).to.include({ cancel: false, timeoutSeconds: 21_600, ttlSecondsAfterFinished: 86_400 })
    expect(job?.spec).to.not.have.any.keys('poolName', 'env', 'podTemplate')
    expect(job?.metadata.finalizers).to.equal(undefined)
    expect(job?.status.phase).to.not.equal('Completed')
  })

  it('finds a job created with kubectl by its UID', async () => {
    const job = await site.create(runnerJobs, {
      apiVersion: 'runnerhub.dev/v1',
      kind: 'RunnerJob',
      metadata: { name: 'by-hand' },
      spec: {
        repository: 'a/b',
        runId: '1',
        jobId: '1',
        cancel: false,
        timeoutSeconds: 60,
        ttlSecondsAfterFinished: 60,
      },
    })
    await site.until('the facade to know it', async () => (await detail(job.metadata.uid))['id'] === job.metadata.uid)
    expect((await detail('by-hand'))['id']).to.equal(job.metadata.uid)
  })

  const strange = {
    unknown: '00000000-0000-4000-8000-000000000000',
    'upper case': '550E8400-E29B-41D4-A716-446655440000',
    dots: '..',
    'an encoded slash': '..%2f..%2fsecrets',
    'a slash': 'a/b/c',
    'a bad escape': '%E0%A4%A',
    'a zero byte': 'a%00b',
    'a space': '%20',
    quotes: "'%22",
    'ten thousand letters': 'a'.repeat(10_000),
    'the name of a property': '__proto__',
    constructor: 'constructor',
  }
  for (const [name, job] of Object.entries(strange)) {
    it(`responds 404 to an unknown id: ${name}`, async () => {
      expectFailure(await call(`${url}/api/jobs/${job}`), 404, 'NotFound')
    })
  }
})
