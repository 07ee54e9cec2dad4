import { expect } from 'chai'
import { runnerJobs } from '../../../src/api/runner-job.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { RestClient } from '../../observe/rest-client.ts'
import { openSite, type Site } from '../../site/site.ts'

/** Twelve jobs of two repositories, a second apart; the times are the facade's, so they are set by hand. */
const times = Array.from({ length: 12 }, (_, index) => `2025-06-19T10:00:${String(index).padStart(2, '0')}.500Z`)

describe('GET /api/jobs', function () {
  this.timeout('60s')
  let site: Site
  let rest: RestClient

  before(async () => {
    site = await openSite()
    // Without a pool all stay in the queue.
    const operator = await site.operator()
    rest = new RestClient(operator.url)
    for (const [index, delegatedAt] of times.entries()) {
      const repository = index % 3 === 0 ? 'owner/other' : 'owner/repo'
      await site.createJob(`job-${index}`, { repository, delegatedAt, workflow: `w${index}` })
    }
    await site.cancel('job-1')
    await site.jobIs('job-1', { phase: 'Cancelled' })
    await site.until(
      'all jobs to be listed',
      async () => (await total('')) === 12 && (await total('status=cancelled')) === 1,
    )
  })
  after(() => site.close())

  async function page(query: string): Promise<{ names: unknown[]; pagination: Record<string, unknown> }> {
    const { status, body, data } = await rest.get(`/api/jobs?${query}`)
    expect(status, JSON.stringify(body)).to.equal(200)
    const names = Array.isArray(data) ? data.map((job) => asObject(job)['workflow']) : []
    return { names, pagination: asObject(body['pagination']) }
  }

  async function total(query: string): Promise<unknown> {
    return (await page(query)).pagination['total']
  }

  it('shows the newest first, twenty at a time', async () => {
    const { names, pagination } = await page('')
    expect(names).to.deep.equal(times.map((_, index) => `w${11 - index}`))
    expect(pagination).to.deep.equal({ page: 1, limit: 20, total: 12, totalPages: 1 })
  })

  it('cuts pages without a gap or an overlap, and the last one short', async () => {
    expect((await page('limit=5&page=1')).names).to.deep.equal(['w11', 'w10', 'w9', 'w8', 'w7'])
    expect((await page('limit=5&page=2')).names).to.deep.equal(['w6', 'w5', 'w4', 'w3', 'w2'])
    const last = await page('limit=5&page=3')
    expect(last.names).to.deep.equal(['w1', 'w0'])
    expect(last.pagination).to.deep.equal({ page: 3, limit: 5, total: 12, totalPages: 3 })
  })

  it('is empty beyond the end, and still counts', async () => {
    for (const number of [9, 2_147_483_648, 99_999_999_999]) {
      const { names, pagination } = await page(`page=${number}`)
      expect(names).to.deep.equal([])
      expect(pagination).to.deep.equal({ page: number, limit: 20, total: 12, totalPages: 1 })
    }
    const { names, pagination } = await page(`page=${'9'.repeat(400)}`)
    expect(names).to.deep.equal([])
    expect(pagination).to.deep.equal({ page: Number.MAX_SAFE_INTEGER, limit: 20, total: 12, totalPages: 1 })
  })

  const filters: [query: string, names: string[]][] = [
    ['repository=owner/other', ['w9', 'w6', 'w3', 'w0']],
    ['repository=Owner/OTHER', ['w9', 'w6', 'w3', 'w0']],
    ['repository=owner/none', []],
    ['status=cancelled', ['w1']],
    ['status=queued&repository=owner/repo', ['w11', 'w10', 'w8', 'w7', 'w5', 'w4', 'w2']],
    ['startDate=2025-06-19T10:00:09.500Z', ['w11', 'w10', 'w9']],
    ['endDate=2025-06-19T10:00:01.500Z', ['w1', 'w0']],
    ['endDate=2025-06-19T12:00:01.499%2B02:00', ['w0']],
    ['startDate=2025-06-19T10:00:01&endDate=2025-06-19T10:00:08Z&repository=owner/other', ['w6', 'w3']],
    ['startDate=2025-06-19&endDate=2025-06-19&status=cancelled', ['w1']],
    ['startDate=2025-06-20', []],
    ['endDate=2025-06-18', []],
  ]
  for (const [query, names] of filters) {
    it(`keeps to ${query}`, async () => {
      const found = await page(query)
      expect(found.names).to.deep.equal(names)
      expect(found.pagination['total']).to.equal(names.length)
      expect(found.pagination['totalPages']).to.equal(names.length === 0 ? 0 : 1)
    })
  }

  const bad = [
    'page=0',
    'page=-1',
    'page=1.5',
    'page=x',
    'page=',
    'limit=0',
    'limit=101',
    'limit=1e1',
    'status=Running',
    'status=pending',
    'startDate=yesterday',
    'startDate=2025-02-30',
    'endDate=19.06.2025',
    'repository=owner',
    'repository=owner/..',
    'page=1&page=2',
  ]
  for (const query of bad) {
    it(`rejects ${query} and names the parameter`, async () => {
      const { status, body } = await rest.get(`/api/jobs?${query}`)
      expect(status).to.equal(400)
      expect(body['success']).to.equal(false)
      expect(body['error']).to.include(query.slice(0, query.indexOf('=')))
    })
  }

  it('shows of each job the documented fields', async () => {
    const { data } = await rest.get('/api/jobs?limit=1')
    const jobs: unknown[] = Array.isArray(data) ? data : []
    expect(Object.keys(asObject(jobs[0]))).to.have.members([
      'id',
      'githubJobId',
      'repository',
      'workflow',
      'status',
      'startedAt',
    ])
  })

  it('drops a deleted job', async () => {
    const { metadata } = await site.createJob('gone', { workflow: 'gone' })
    await site.until('the job to be listed', async () => (await page('')).names.includes('gone'))
    await site.delete(runnerJobs, metadata.name)
    await site.until('the job to be gone from the total', async () => (await total('')) === 12)
    expect((await page('')).names).to.not.include('gone')
  })
})
