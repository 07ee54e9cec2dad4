import { expect } from 'chai'
import { RestClient } from '../../rest-client.ts'
import { succeedsAtOnce } from '../../kubelet/script.ts'
import { openSite, type Site } from '../../site.ts'

const JOBS = 5000
const PLACES = 50
/** Callers that delegate at the same time. */
const CALLERS = 32

describe('a backlog of 5,000 delegations', function () {
  this.timeout('480s')
  let site: Site
  const ids = new Set<string>()

  before(async () => {
    site = await openSite()
    await site.createPool('default', { labels: ['linux'], maxRunners: PLACES })
    site.kubelet.onPod(() => succeedsAtOnce())
    const operator = await site.operator()
    const rest = new RestClient(operator.url)
    let next = 0
    const call = async (): Promise<void> => {
      while (next < JOBS) {
        next += 1
        ids.add(await rest.delegate({ repository: 'owner/repo', runId: '1', jobId: next, labels: ['linux'] }))
      }
    }
    await Promise.all(Array.from({ length: CALLERS }, call))
    await site.until('some to have completed', () => completed() >= 100, 60_000)
    operator.kill()
    await site.operator()
  })
  after(() => site.close())

  const completed = () => [...ids].filter((id) => site.history.named(id)?.phase === 'Completed').length

  it('completes, every one, although the operator is killed on the way', async () => {
    expect(ids.size).to.equal(JOBS)
    await site.until('every job to be Completed', () => completed() === JOBS, 400_000)
  })

  it('never makes more pods at once than the pool has places', () => {
    expect(site.kubelet.ledger.peak('default')).to.be.within(1, PLACES)
  })

  it('makes exactly one pod for each', async () => {
    expect(site.kubelet.ledger.all).to.have.length(JOBS)
    await site.checkInvariants()
  })
})
