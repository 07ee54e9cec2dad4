import { appendFile } from 'node:fs/promises'
import { expect } from 'chai'
import { runnerJobs } from '../../../src/api/runner-job.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { exits, runs, succeeds } from '../../kubelet/script.ts'
import { call, expectFailure } from '../../site/calls/call.ts'
import { CALLERS } from '../../site/namespace.ts'
import { newJob } from '../../site/objects.ts'
import { openSite, type Site, TOKEN } from '../../site/site.ts'

const WINDOW_SECONDS = 5
const OTHER_TOKEN = 'token-of-another-caller'

describe('delegating the same job again', function () {
  this.timeout('90s')
  let site: Site
  let urls: string[]

  before(async () => {
    site = await openSite()
    await appendFile(site.tokenFile, `${OTHER_TOKEN},somebody,somebody-uid,"${CALLERS}"\n`)
    await site.createPool('default', { labels: ['linux'] })
    urls = await replicas(['both', 'facade'])
  })
  afterEach(() => site.checkInvariants())
  after(() => site.close())

  /** Starts a replica for each of these roles. */
  async function replicas(roles: readonly string[], settings: Record<string, string> = {}): Promise<string[]> {
    const start = (role: string, index: number) =>
      site.operator({ identity: `${role}-${index}`, env: { ...settings, ROLES: role } })
    return (await Promise.all(roles.map(start))).map(({ url }) => url)
  }

  interface Delegated {
    id: string
    status: unknown
    replayed: boolean
  }

  /** Delegates through one of the replicas. */
  async function delegate(
    jobId: string,
    {
      replica = 0,
      url = urls[replica],
      ...facts
    }: { replica?: number; url?: string | undefined; [fact: string]: unknown } = {},
  ) {
    const body = { jobId, runId: '1', repository: 'owner/repo', labels: ['linux'], ...facts }
    const answer = await call(`${url}/api/jobs/delegate`, { method: 'POST', body, withinMs: 30_000 })
    expect(answer.status, answer.text).to.equal(201)
    const data = asObject(answer.body['data'])
    const replayed = answer.headers.get('idempotency-replayed') === 'true'
    return { id: String(data['delegationId']), status: data['status'], replayed } satisfies Delegated
  }

  const jobsOf = async (jobId: string) => (await site.list(runnerJobs)).filter(({ spec }) => spec.jobId === jobId)

  it('makes one job of a thousand calls at once, on two replicas, with one id', async () => {
    site.kubelet.onPod(() => runs())
    const calls = Array.from({ length: 1000 }, (_, index) => delegate('storm', { replica: index % 2 }))
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

  it('gets the finished job within the window', async () => {
    site.kubelet.onPod(() => succeeds())
    const first = await delegate('again')
    await site.jobIs(first.id, { phase: 'Completed' })
    expect(await delegate('again', { replica: 1 })).to.include({ id: first.id, replayed: true })
  })

  it('gets a new job after the window', async () => {
    const [first] = await jobsOf('again')
    const since = Date.parse(first?.spec.delegatedAt ?? '')
    const short = await replicas(['facade', 'facade'], { IDEMPOTENCY_WINDOW_SECONDS: String(WINDOW_SECONDS) })
    await site.until('the window to pass', () => Date.now() > since + WINDOW_SECONDS * 1000)
    site.kubelet.onPod(() => runs())
    const calls = Array.from({ length: 50 }, (_, index) => delegate('again', { url: short[index % 2] }))
    const answers = await Promise.all(calls)
    const ids = new Set(answers.map(({ id }) => id))
    expect(ids.size, 'one new job, however many ask for it').to.equal(1)
    expect(ids.has(first?.metadata.name ?? '')).to.equal(false)
    expect(await jobsOf('again')).to.have.length(2)
  })

  it('gets the second job, which runs, when the first is deleted', async () => {
    const jobs = await jobsOf('again')
    const [first] = jobs.filter(({ status }) => status.phase === 'Completed')
    const [second] = jobs.filter(({ metadata }) => metadata.uid !== first?.metadata.uid)
    await site.jobIs(second?.metadata.name ?? '', { phase: 'Running' })
    await site.delete(runnerJobs, first?.metadata.name ?? '')
    await site.until('both replicas to have seen it go', async () => {
      const answers = await Promise.all(urls.map((url) => call(`${url}/api/jobs/${first?.metadata.name}`)))
      return answers.every(({ status }) => status === 404)
    })
    for (const replica of [0, 1]) {
      expect(await delegate('again', { replica })).to.include({ id: second?.metadata.name, replayed: true })
    }
    expect(await jobsOf('again')).to.have.length(1)
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

  it('knows the newest by its time, however that is written', async () => {
    const first = await delegate('written')
    const made = (await jobsOf('written'))[0]
    const key = made?.metadata.annotations?.['runnerhub.dev/delegation-key'] ?? ''
    const hand = async (name: string, delegatedAt: string) => {
      const spec = { repository: 'owner/repo', runId: '1', jobId: 'written', delegatedAt }
      const job = newJob(name, spec)
      return site.create(runnerJobs, {
        ...job,
        metadata: { name, annotations: { 'runnerhub.dev/delegation-key': key } },
      })
    }
    const latest = new Date(Date.parse(made?.spec.delegatedAt ?? '') + 1000)
    // As text, "...+14:00" of the day after tomorrow is the later one.
    const offset = new Date(Date.parse(made?.spec.delegatedAt ?? '') - 1000 + 14 * 3_600_000).toISOString()
    await hand('earlier', offset.replace('Z', '+14:00'))
    await hand('later', latest.toISOString())
    await site.until('the newest to be known', async () => (await delegate('written')).id !== first.id)
    const newest = (await jobsOf('written')).find(({ metadata }) => metadata.name === 'later')
    expect((await delegate('written')).id).to.equal(newest?.metadata.uid)
  })

  describe('with an Idempotency-Key', () => {
    interface Named {
      key?: string
      replica?: number
      token?: string
      [fact: string]: unknown
    }

    /** Delegates job `named`, unless told otherwise, under a key. */
    function send({ key = 'key-1', replica = 0, token = TOKEN, ...facts }: Named = {}) {
      const headers = {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'idempotency-key': key,
      }
      const body = { jobId: 'named', runId: '1', repository: 'owner/repo', labels: ['linux'], ...facts }
      return call(`${urls[replica]}/api/jobs/delegate`, { method: 'POST', body, headers })
    }

    async function sent(named: Named = {}): Promise<Delegated> {
      const answer = await send(named)
      expect(answer.status, answer.text).to.equal(201)
      const data = asObject(answer.body['data'])
      const replayed = answer.headers.get('idempotency-replayed') === 'true'
      return { id: String(data['delegationId']), status: data['status'], replayed }
    }

    before(() => site.kubelet.onPod(() => runs()))

    it('makes one job of a hundred calls at once, on two replicas', async () => {
      const answers = await Promise.all(Array.from({ length: 100 }, (_, index) => sent({ replica: index % 2 })))
      expect(new Set(answers.map(({ id }) => id)).size).to.equal(1)
      expect(answers.filter(({ replayed }) => !replayed)).to.have.length(1)
    })

    it('is the same delegation however the body is written', async () => {
      const first = await sent()
      const more = { sha: undefined, unknown: 'field', runId: 1 }
      for (const replica of [0, 1]) {
        expect(await sent({ replica, ...more })).to.include({ id: first.id, replayed: true })
      }
    })

    it('is another one under another key, and without any', async () => {
      const ids = [(await sent()).id, (await sent({ key: 'key-2' })).id, (await delegate('named')).id]
      expect(new Set(ids).size).to.equal(3)
    })

    it('is another one of another caller', async () => {
      const [mine, other] = [
        await sent({ key: 'shared' }),
        await sent({ key: 'shared', token: OTHER_TOKEN, jobId: 'x' }),
      ]
      expect(other.replayed).to.equal(false)
      expect(other.id).to.not.equal(mine.id)
      expect((await sent({ key: 'shared', token: OTHER_TOKEN, jobId: 'x', replica: 1 })).id).to.equal(other.id)
    })

    it('of another body is refused with 409 on both replicas, and nothing is made', async () => {
      await sent()
      const before = (await site.list(runnerJobs)).length
      for (const facts of [{ jobId: 'other' }, { labels: [] }, { workflow: 'w' }, { runnerName: 'r' }]) {
        for (const replica of [0, 1]) expectFailure(await send({ replica, ...facts }), 409, 'IdempotencyKeyReused')
      }
      expect(await site.list(runnerJobs)).to.have.length(before)
    })

    it('leaves only a hash behind', async () => {
      const { id } = await sent({ key: 'a-secret-of-the-caller' })
      expect(JSON.stringify(await site.job(id)))
        .to.not.include('a-secret-of-the-caller')
        .and.to.not.include('tester')
    })

    const bad = {
      'no characters': '',
      'a space': 'a b',
      '256 characters': 'k'.repeat(256),
      'a letter beyond ASCII': 'ä',
    }
    for (const [what, key] of Object.entries(bad)) {
      it(`of ${what} is refused, and nothing is made`, async () => {
        const answer = await send({ key, jobId: `bad ${what}` })
        expectFailure(answer, 400, 'InvalidRequest')
        expect(answer.body['error']).to.include('Idempotency-Key')
        expect(await jobsOf(`bad ${what}`)).to.deep.equal([])
      })
    }

    it('may have 255 characters of any visible kind', async () => {
      const key = `"8e03978e"/+=~!${'k'.repeat(240)}`
      expect((await sent({ key, jobId: 'long' })).replayed).to.equal(false)
      expect((await sent({ key, jobId: 'long', replica: 1 })).replayed).to.equal(true)
    })
  })
})
