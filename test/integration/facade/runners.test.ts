import { expect } from 'chai'
import { elementsOf } from '../../../src/api/json.ts'
import { describePermission, permissions } from '../../../src/auth/permissions.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { exited, runs } from '../../kubelet/script.ts'
import { call, expectFailure, expectMetadata } from '../../site/calls/call.ts'
import { openSite, type Site } from '../../site/site.ts'

const documentedKeys = ['id', 'name', 'type', 'status', 'labels', 'lastHeartbeat']
const ids = [1, 2, 3, 4].map((number) => `00000000-0000-4000-8000-00000000000${number}`)

describe('GET /api/runners', function () {
  this.timeout('60s')
  let site: Site
  let url: string

  before(async () => {
    site = await openSite()
    site.kubelet.onPod(() => runs())
    await site.createPool('default', { labels: ['linux', 'docker'], maxRunners: 3 })
    url = (await site.operator()).url
    for (const [index, id] of ids.entries()) {
      await site.createJob(id, { repository: index === 0 ? 'owner/other' : 'owner/repo', labels: ['linux'] })
    }
    for (const id of ids.slice(0, 3)) await site.jobIs(id, { phase: 'Running' })
    await site.until('three busy runners', async () => (await names('status=busy')).length === 3)
  })
  afterEach(() => site.checkInvariants())
  after(() => site.close())

  async function rows(query: string): Promise<Record<string, unknown>[]> {
    const { status, body, text } = await call(`${url}/api/runners?${query}`)
    expect(status, text).to.equal(200)
    const { data } = body
    return Array.isArray(data) ? data.map(asObject) : []
  }

  const names = async (query: string) => (await rows(query)).map(({ name }) => name)

  it('shows each with every documented key, under the runnerId of its job', async () => {
    const { body } = await call(`${url}/api/runners`)
    expect(body).to.have.all.keys('success', 'data', 'pagination', 'metadata')
    expectMetadata(body)
    expect(body['pagination']).to.deep.equal({ page: 1, limit: 1000, total: 3, totalPages: 1 })
    for (const row of await rows('')) {
      expect(row).to.include.all.keys(documentedKeys)
      const job = asObject((await call(`${url}/api/jobs/${String(row['jobId'])}`)).body['data'])
      expect(row).to.deep.include({
        id: job['runnerId'],
        name: `${String(job['id'])}-1`,
        type: 'ephemeral',
        status: 'busy',
        labels: ['linux'],
        repository: job['repository'],
      })
      expect(row['lastHeartbeat'], 'when its pod was last known to run').to.match(/^\d{4}-\d\d-\d\dT.+Z$/)
      const agoMs = Date.now() - Date.parse(String(row['lastHeartbeat']))
      expect(agoMs, 'and that is not long ago').to.be.within(-1000, 90_000)
    }
  })

  const filters: [query: string, jobs: number[]][] = [
    ['type=ephemeral', [0, 1, 2]],
    ['type=proxy', []],
    ['type=dedicated', []],
    ['status=idle', []],
    ['status=starting', []],
    ['repository=owner/other', [0]],
    ['repository=OWNER/Other', [0]],
    ['repository=owner/none', []],
    ['repository=owner/repo&status=busy&type=ephemeral', [1, 2]],
    ['repository=owner/repo&status=offline', []],
  ]
  for (const [query, jobs] of filters) {
    it(`keeps to ${query}`, async () => {
      expect(await names(query)).to.have.members(jobs.map((job) => `${ids[job]}-1`))
    })
  }

  it('cuts pages without a gap or an overlap, in one order', async () => {
    const all = await names('')
    const pages = await Promise.all([1, 2, 3].map((page) => names(`limit=1&page=${page}`)))
    expect(pages.flat()).to.deep.equal(all)
    expect(await names('limit=1&page=4')).to.deep.equal([])
  })

  const bad = [
    'type=Proxy',
    'type=all',
    'type=',
    'type=proxy&type=ephemeral',
    'status=running',
    'status=BUSY',
    'repository=owner',
    'repository=owner/..',
    'limit=0',
    'limit=1001',
    'page=0',
  ]
  for (const query of bad) {
    it(`rejects ${query} and names the parameter`, async () => {
      const answer = await call(`${url}/api/runners?${query}`)
      expectFailure(answer, 400, 'InvalidRequest')
      expect(answer.body['error']).to.include(query.slice(0, query.indexOf('=')))
    })
  }

  it('has beside it the pools, by name and in pages, each with every documented key', async () => {
    await site.createPool('closed', { labels: ['closed'], maxRunners: 2, paused: true, repositories: ['owner/*'] })
    const listed = await site.until('both pools to be counted', async () => {
      const { body } = await call(`${url}/api/pools`)
      const [first, second] = elementsOf(body['data']).map(asObject)
      const isCounted = second?.['running'] === 3 && second['queued'] === 1
      return isCounted && elementsOf(first?.['limitsReached']).includes('paused') && body
    })
    expect(listed).to.have.all.keys('success', 'data', 'pagination', 'metadata')
    expect(listed['pagination']).to.deep.equal({ page: 1, limit: 1000, total: 2, totalPages: 1 })
    const none = { running: 0, starting: 0, queued: 0, oldestQueuedAt: null }
    const [closed, full] = elementsOf(listed['data']).map(asObject)
    const common = { mode: 'template', ready: true, message: null }
    const facts = { name: 'closed', labels: ['closed'], repositories: ['owner/*'], slots: 2, paused: true }
    expect(closed).to.deep.equal({ ...common, ...none, ...facts, limitsReached: ['paused'] })
    const { oldestQueuedAt, ...rest } = full ?? {}
    expect(oldestQueuedAt).to.match(/^\d{4}-\d\d-\d\dT.+Z$/)
    const others = { name: 'default', labels: ['linux', 'docker'], repositories: [], slots: 3, paused: false }
    const use = { running: 3, starting: 0, queued: 1, limitsReached: ['maxRunners'] }
    expect(rest).to.deep.equal({ ...common, ...others, ...use })
    const second = await call(`${url}/api/pools?limit=1&page=2`)
    expect(elementsOf(second.body['data']).map((row) => asObject(row)['name'])).to.deep.equal(['default'])
    expectFailure(await call(`${url}/api/pools?limit=0`), 400, 'InvalidRequest')
  })

  it('has beside it the caller, with exactly what it may do', async () => {
    const { status, body } = await call(`${url}/api/caller`)
    expect(status).to.equal(200)
    expectMetadata(body)
    const { user, permissions: granted } = asObject(body['data'])
    expect(user).to.equal('tester')
    expect(granted).to.have.members(Object.values(permissions).map(describePermission))
    const headers = { authorization: 'Bearer unknown' }
    expectFailure(await call(`${url}/api/caller`, { headers }), 401, 'Unauthorized')
  })

  it('shows the runner of a finished job as stopping, next to the next job’s', async () => {
    await site.kubelet.apply(`${ids[0]}-1`, (pod) => exited(pod, 0))
    await site.until('the first to stop', async () => (await names('status=stopping')).length === 1)
    expect(await names('status=stopping')).to.deep.equal([`${ids[0]}-1`])
    expect((await site.runner(ids[0] ?? ''))?.status.phase, 'nothing is written for it').to.equal('Busy')
    await site.until('the next to start', async () => (await names('status=busy')).includes(`${ids[3]}-1`))
  })
})
