import { expect } from 'chai'
import { exited, ignored, succeedsAtOnce } from '../../kubelet/script.ts'
import { RestClient } from '../../observe/rest-client.ts'
import { openSite, type Site } from '../../site/site.ts'

/** Twelve times the slots, and more than two start windows: thousands are for the benchmark. */
const JOBS = 300
const SLOTS = 25
/** Callers that delegate at the same time. */
const CALLERS = 32

describe('a backlog of 300 delegations', function () {
  this.timeout('300s')
  let site: Site
  const ids = new Set<string>()
  const ended = new Set<string>()

  before(async () => {
    site = await openSite()
    await site.createPool('default', { labels: ['linux'], maxRunners: SLOTS })
    site.kubelet.onPod(() => ignored())
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
    await site.until('all slots to be occupied', () => site.kubelet.ledger.peak('default') >= SLOTS, 60_000)
    site.kubelet.onPod(() => succeedsAtOnce())
    for (const { name } of site.kubelet.ledger.all) await site.kubelet.apply(name, (pod) => exited(pod, 0))
    await site.until('some to have completed', () => completed() >= 100, 60_000)
    operator.kill()
    await site.operator()
  })
  after(() => site.close())

  /** Number of completed jobs. A completed job need not be read again. */
  function completed(): number {
    for (const id of ids) if (!ended.has(id) && site.history.named(id)?.phase === 'Completed') ended.add(id)
    return ended.size
  }

  it('is processed, although the operator is killed meanwhile', async () => {
    expect(ids.size).to.equal(JOBS)
    await site.until('the jobs to be Completed', () => completed() >= JOBS, 200_000)
  })

  it('creates as many pods at a time as the pool has slots, and never more', () => {
    expect(site.kubelet.ledger.peak('default')).to.equal(SLOTS)
  })

  it('creates exactly one pod for each', async () => {
    const owners = site.kubelet.ledger.all.map(({ jobUid }) => jobUid)
    expect(owners).to.have.length.of.at.least(JOBS)
    expect(new Set(owners)).to.have.lengthOf(owners.length)
    await site.checkInvariants()
  })
})
