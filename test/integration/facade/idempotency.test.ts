import { appendFile } from 'node:fs/promises'
import { expect } from 'chai'
import {
  DELEGATED_BY_ANNOTATION,
  DELEGATION_BODY_ANNOTATION,
  DELEGATION_KEY_ANNOTATION,
} from '../../../src/api/names.ts'
import { runnerJobs } from '../../../src/api/runner-job.ts'
import { keyOfDelegation } from '../../../src/http/jobs/delegation-key.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { exits, runs } from '../../kubelet/script.ts'
import { call, expectFailure } from '../../site/calls/call.ts'
import { CALLERS } from '../../site/namespace.ts'
import { newJob } from '../../site/objects.ts'
import { openSite, type Site, TOKEN } from '../../site/site.ts'

const OTHER_TOKEN = 'token-of-another-caller'

describe('delegating the same job again', function () {
  this.timeout('90s')
  let site: Site
  let urls: string[]

  before(async () => {
    site = await openSite()
    await appendFile(site.tokenFile, `${OTHER_TOKEN},somebody,somebody-uid,"${CALLERS}"\n`)
    await site.createPool('default', { labels: ['linux'], maxRunners: 100 })
    urls = await replicas(['both', 'facade'])
    await endedJob('fifteen', 0)
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

  it('creates one job from a thousand concurrent calls, on two replicas, with one id', async () => {
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

  it('returns the current job, marked as replayed', async () => {
    const [{ metadata } = { metadata: undefined }] = await jobsOf('storm')
    for (const replica of [0, 1]) {
      const status = async () => (await delegate('storm', { replica })).status
      await site.until('the replica to have seen the job run', async () => (await status()) === 'running')
      const again = await delegate('storm', { replica })
      expect(again).to.deep.equal({ id: metadata?.name, status: 'running', replayed: true })
    }
  })

  it('ignores a number in place of a string, other labels and another workflow', async () => {
    const first = await delegate('7')
    const others = [{ jobId: 7 }, { labels: ['linux', 'x'] }, { workflow: 'other' }, { sha: 'abcdef0' }]
    for (const facts of others) expect((await delegate('7', facts)).id).to.equal(first.id)
  })

  it('distinguishes repositories, runs, attempts, jobs and runners', async () => {
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

  /** Reports an end through one of the replicas: as a proxy runner does at the end, or in passing. */
  async function end(id: string, by: 'proxy-complete' | 'status', replica = 0): Promise<void> {
    const method = by === 'status' ? 'PATCH' : 'POST'
    const answer = await call(`${urls[replica]}/api/jobs/${id}/${by}`, { method, body: { status: 'completed' } })
    expect(answer.status, answer.text).to.equal(200)
  }

  /** A job as an earlier delegation made it so many seconds ago, which has ended. */
  async function endedJob(name: string, seconds: number, idempotencyKey?: string): Promise<string> {
    const facts = { jobId: name, runId: '1', repository: 'owner/repo', labels: ['linux'] }
    const { key, body } = keyOfDelegation({ spec: facts, user: 'tester', idempotencyKey })
    const annotations = {
      [DELEGATION_KEY_ANNOTATION]: key,
      ...(body !== undefined && { [DELEGATION_BODY_ANNOTATION]: body }),
    }
    const delegatedAt = new Date(Date.now() - seconds * 1000).toISOString()
    const job = newJob(name, { ...facts, delegatedAt })
    const { metadata } = await site.create(runnerJobs, { ...job, metadata: { name, annotations } })
    await end(name, 'status')
    return metadata.uid
  }

  it('gets the finished job in the first seconds, on every replica', async () => {
    const first = await delegate('again')
    await end(first.id, 'status')
    for (const replica of [1, 0]) {
      expect(await delegate('again', { replica })).to.deep.equal({ id: first.id, status: 'completed', replayed: true })
    }
  })

  it('gets a new job at once when proxy-complete has ended the last one, on every replica', async () => {
    site.kubelet.onPod(() => runs())
    const ids: string[] = []
    for (let leg = 0; leg < 6; leg += 1) {
      const { id, replayed, status } = await delegate('leg', { replica: leg % 2 })
      expect({ replayed, status }, `leg ${leg}`).to.deep.equal({ replayed: false, status: 'queued' })
      ids.push(id)
      expect((await delegate('leg', { replica: (leg + 1) % 2 })).id, 'sent again before its end').to.equal(id)
      // The other replica's cache has had no time to see it.
      await end(id, 'proxy-complete', leg % 3 === 0 ? 0 : 1)
    }
    expect(new Set(ids).size).to.equal(6)
    expect(await jobsOf('leg')).to.have.length(6)
  })

  it('gets a new job when proxy-complete comes after the end, whatever caused that', async () => {
    const first = await delegate('known end')
    await end(first.id, 'status', 1)
    await end(first.id, 'proxy-complete')
    const second = await delegate('known end', { replica: 1 })
    expect(second.replayed).to.equal(false)
    expect(second.id).to.not.equal(first.id)
  })

  it('ignores the case of the repository, and keeps the first spelling', async () => {
    const first = await delegate('case', { repository: 'Owner/Repo' })
    expect(await delegate('case', { replica: 1, repository: 'owner/REPO' })).to.include({
      id: first.id,
      replayed: true,
    })
    expect((await jobsOf('case')).map(({ spec }) => spec.repository)).to.deep.equal(['Owner/Repo'])
  })

  it('gets an unfinished job, however long ago it was delegated', async () => {
    const [{ metadata } = { metadata: undefined }] = await jobsOf('storm')
    expect((await delegate('storm')).id).to.equal(metadata?.name)
  })

  it('gets a new job if the old one was deleted', async () => {
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

  it('finds the newest by its time, in any format', async () => {
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

    /** Delegates job `named`, by default, under a key. */
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

    it('creates one job from a hundred concurrent calls, on two replicas', async () => {
      const answers = await Promise.all(Array.from({ length: 100 }, (_, index) => sent({ replica: index % 2 })))
      expect(new Set(answers.map(({ id }) => id)).size).to.equal(1)
      expect(answers.filter(({ replayed }) => !replayed)).to.have.length(1)
    })

    it('is the same delegation in any encoding of the body', async () => {
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

    it('is the same one within the window, however it ended', async () => {
      const first = await sent({ key: 'ended', jobId: 'ended by its proxy' })
      await end(first.id, 'proxy-complete')
      for (const replica of [1, 0]) {
        const again = await sent({ key: 'ended', jobId: 'ended by its proxy', replica })
        expect(again).to.deep.equal({ id: first.id, status: 'completed', replayed: true })
      }
      const old = await endedJob('in-the-window', 250, 'key-of-old')
      expect((await sent({ key: 'key-of-old', jobId: 'in-the-window' })).id).to.equal(old)
    })

    it('is a new one after the window', async () => {
      const old = await endedJob('after-the-window', 300, 'key-of-older')
      const again = await sent({ key: 'key-of-older', jobId: 'after-the-window', replica: 1 })
      expect(again.replayed).to.equal(false)
      expect(again.id).to.not.equal(old)
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

    it('with another body is 409 on both replicas, and creates nothing', async () => {
      await sent()
      const before = (await site.list(runnerJobs)).length
      for (const facts of [{ jobId: 'other' }, { labels: [] }, { workflow: 'w' }, { runnerName: 'r' }]) {
        for (const replica of [0, 1]) expectFailure(await send({ replica, ...facts }), 409, 'IdempotencyKeyReused')
      }
      expect(await site.list(runnerJobs)).to.have.length(before)
    })

    it('leaves only a hash behind', async () => {
      const { id } = await sent({ key: 'a-secret-of-the-caller' })
      const job = await site.job(id)
      const { [DELEGATED_BY_ANNOTATION]: user, ...annotations } = job?.metadata.annotations ?? {}
      expect(user).to.equal('tester')
      expect(JSON.stringify({ ...job, metadata: { ...job?.metadata, annotations } }))
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
      it(`of ${what} is rejected, and creates nothing`, async () => {
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

  describe('some time after the last one has ended', () => {
    it('gets a new job from 15 s on, one for any number of calls', async () => {
      const [made] = await jobsOf('fifteen')
      const sinceMs = Date.parse(made?.metadata.creationTimestamp ?? '')
      await site.until('15 s to pass', () => Date.now() > sinceMs + 16_000)
      site.kubelet.onPod(() => runs())
      const calls = Array.from({ length: 50 }, (_, index) => delegate('fifteen', { replica: index % 2 }))
      const ids = new Set((await Promise.all(calls)).map(({ id }) => id))
      expect(ids.size, 'one new job, however many ask for it').to.equal(1)
      expect(ids.has(made?.metadata.uid ?? '')).to.equal(false)
      expect(await jobsOf('fifteen')).to.have.length(2)
    })

    it('gets the second job, which runs, when the first is deleted', async () => {
      const jobs = await jobsOf('fifteen')
      const [first] = jobs.filter(({ status }) => status.phase === 'Completed')
      const [second] = jobs.filter(({ metadata }) => metadata.uid !== first?.metadata.uid)
      await site.jobIs(second?.metadata.name ?? '', { phase: 'Running' })
      await site.delete(runnerJobs, first?.metadata.name ?? '')
      await site.until('both replicas to have seen it go', async () => {
        const answers = await Promise.all(urls.map((url) => call(`${url}/api/jobs/${first?.metadata.name}`)))
        return answers.every(({ status }) => status === 404)
      })
      for (const replica of [0, 1]) {
        expect(await delegate('fifteen', { replica })).to.include({ id: second?.metadata.name, replayed: true })
      }
      expect(await jobsOf('fifteen')).to.have.length(1)
    })
  })
})
