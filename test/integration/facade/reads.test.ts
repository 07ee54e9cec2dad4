import { expect } from 'chai'
import { asObject } from '../../../src/kube/client/parse.ts'
import { succeedsAtOnce } from '../../kubelet/script.ts'
import { RestClient } from '../../observe/rest-client.ts'
import { openSite, type Site } from '../../site/site.ts'

const JOBS = 20

describe('jobs that one client delegates one after the other', function () {
  this.timeout('60s')
  let site: Site
  let here: RestClient
  let elsewhere: RestClient
  const ids: string[] = []

  before(async () => {
    site = await openSite()
    site.kubelet.onPod(() => succeedsAtOnce())
    const [first, second] = await Promise.all([
      site.operator({ identity: 'first' }),
      site.operator({ identity: 'second', env: { ROLES: 'facade' } }),
    ])
    here = new RestClient(first.url)
    elsewhere = new RestClient(second.url)
  })
  after(() => site.close())

  const listed = async (rest: RestClient) => {
    const { data } = await rest.get('/api/jobs?limit=100')
    return Array.isArray(data) ? data.map((job) => asObject(job)['id']) : []
  }

  it('are each read back and listed at once where they were delegated, and read at once everywhere', async () => {
    for (let job = 1; job <= JOBS; job++) {
      const id = await here.delegate({ repository: 'owner/repo', runId: '1', jobId: job })
      ids.push(id)
      const [own, other] = await Promise.all([here.get(`/api/jobs/${id}`), elsewhere.get(`/api/jobs/${id}`)])
      expect([own.status, other.status], `job ${job}`).to.deep.equal([200, 200])
      expect(asObject(other.data)).to.include({ id, status: 'queued' })
      expect((await listed(here))[0], `job ${job}`).to.equal(id)
    }
  })

  it('are listed newest first, by every replica', async () => {
    expect(await listed(here)).to.deep.equal(ids.toReversed())
    await site.until('the other replica to have all', async () => (await listed(elsewhere)).length === JOBS)
    expect(await listed(elsewhere)).to.deep.equal(ids.toReversed())
  })

  it('start oldest first', async () => {
    await site.createPool('default', { maxRunners: 1 })
    await site.until('all to have run', () => site.kubelet.ledger.all.length === JOBS, 40_000)
    expect(site.kubelet.ledger.all.map(({ job }) => job)).to.deep.equal(ids)
    await site.checkInvariants()
  })
})
