import { expect } from 'chai'
import { runnerJobs } from '../../../src/api/runner-job.ts'
import { record } from '../../../src/kube/parse.ts'
import { exits, runs, succeeds } from '../../kubelet/script.ts'
import { openSite, type Site } from '../../site.ts'
import { call } from '../../site/call.ts'

const WINDOW_SECONDS = 8

describe('delegating the same job again', function () {
  this.timeout('90s')
  let site: Site
  let urls: string[]

  before(async () => {
    site = await openSite()
    await site.createPool('default', { labels: ['linux'] })
    const env = { IDEMPOTENCY_WINDOW_SECONDS: String(WINDOW_SECONDS) }
    const start = (identity: string, roles: string) => site.operator({ identity, env: { ...env, ROLES: roles } })
    urls = (await Promise.all([start('first', 'both'), start('second', 'facade')])).map(({ url }) => url)
  })
  afterEach(() => site.checkInvariants())
  after(() => site.close())

  interface Delegated {
    id: string
    status: unknown
    replayed: boolean
  }

  /** Delegates through one of the replicas. */
  async function delegate(
    jobId: string,
    { replica = 0, ...facts }: { replica?: number; [fact: string]: unknown } = {},
  ) {
    const body = { jobId, runId: '1', repository: 'owner/repo', labels: ['linux'], ...facts }
    const answer = await call(`${urls[replica]}/api/jobs/delegate`, { method: 'POST', body })
    expect(answer.status, answer.text).to.equal(201)
    const data = record(answer.body['data'])
    const replayed = answer.headers.get('idempotency-replayed') === 'true'
    return { id: String(data['delegationId']), status: data['status'], replayed } satisfies Delegated
  }

  const jobsOf = async (jobId: string) => (await site.list(runnerJobs)).filter(({ spec }) => spec.jobId === jobId)

  it('makes one job of two hundred calls at once, on two replicas, with one id', async () => {
    site.kubelet.onPod(() => runs())
    const calls = Array.from({ length: 200 }, (_, index) => delegate('storm', { replica: index % 2 }))
    const answers = await Promise.all(calls)
    expect(new Set(answers.map(({ id }) => id)).size).to.equal(1)
    expect(
      answers.filter(({ replayed }) => !replayed),
      'answers that say they made it',
    ).to.have.length(1)
    expect(await jobsOf('storm')).to.have.length(1)
    await site.jobIs(answers[0]?.id ?? '', { phase: 'Running' })
    expect(site.kubelet.ledger.of(answers[0]?.id ?? '')).to.have.length(1)
  })

  it('answers with the job as it is now, and says that it was there', async () => {
    const [{ metadata } = { metadata: undefined }] = await jobsOf('storm')
    for (const replica of [0, 1]) {
      const told = async () => (await delegate('storm', { replica })).status
      await site.until('the replica to have seen the job run', async () => (await told()) === 'running')
      const again = await delegate('storm', { replica })
      expect(again).to.deep.equal({ id: metadata?.name, status: 'running', replayed: true })
    }
  })

  it('is not fooled by a number in place of text, other labels or another workflow', async () => {
    const first = await delegate('7')
    const others = [{ jobId: 7 }, { labels: ['linux', 'x'] }, { workflow: 'other' }, { sha: 'abcdef0' }]
    for (const facts of others) expect((await delegate('7', facts)).id).to.equal(first.id)
  })

  it('tells repositories, runs, attempts, jobs and runners apart', async () => {
    const facts = [
      {},
      { repository: 'owner/other' },
      { runId: '2' },
      { runAttempt: 1 },
      { runAttempt: 2 },
      { jobId: '8-b' },
      { runnerName: 'r' },
      { runnerName: 'r2' },
    ]
    const ids = await Promise.all(facts.map(async (fact) => (await delegate('8', fact)).id))
    expect(new Set(ids).size).to.equal(facts.length)
  })

  it('gets the finished job within the window, and a new one after it', async () => {
    site.kubelet.onPod(() => succeeds())
    const first = await delegate('again')
    const { spec } = await site.jobIs(first.id, { phase: 'Completed' })
    const since = Date.parse(spec.delegatedAt ?? '')
    const within = await delegate('again', { replica: 1 })
    expect(within).to.include({ id: first.id, replayed: true })
    await site.until('the window to pass', () => Date.now() > since + WINDOW_SECONDS * 1000)
    const calls = Array.from({ length: 50 }, (_, index) => delegate('again', { replica: index % 2 }))
    const answers = await Promise.all(calls)
    const ids = new Set(answers.map(({ id }) => id))
    expect(ids.size, 'one new job, however many ask for it').to.equal(1)
    expect(ids.has(first.id)).to.equal(false)
    expect(await jobsOf('again')).to.have.length(2)
  })

  it('gets a job that is not over, however long ago it was delegated', async () => {
    const [{ metadata } = { metadata: undefined }] = await jobsOf('storm')
    expect((await delegate('storm')).id).to.equal(metadata?.name)
  })

  it('gets a new job where the old one was deleted', async () => {
    site.kubelet.onPod(() => exits(1))
    const first = await delegate('deleted')
    const old = await site.jobIs(first.id, { phase: 'Failed' })
    await site.delete(runnerJobs, first.id)
    await site.isGone(first.id)
    await site.until('both replicas to know it', async () => {
      const answers = await Promise.all(urls.map((url) => call(`${url}/api/jobs/${old.metadata.uid}`)))
      return answers.every(({ status }) => status === 404)
    })
    const second = await delegate('deleted', { replica: 1 })
    expect(second.replayed).to.equal(false)
    const job = await site.jobIs(second.id, { phase: 'Failed' })
    expect(job.metadata.uid).to.not.equal(old.metadata.uid)
  })
})
