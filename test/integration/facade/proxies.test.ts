import { expect } from 'chai'
import { proxyName } from '../../../src/api/names.ts'
import { runners } from '../../../src/api/runner.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { leases, microTime } from '../../../src/kube/election/lease.ts'
import { factsOf, handOver, pack } from '../../hand-over/sending.ts'
import { exited, runs } from '../../kubelet/script.ts'
import { type Answer, call, expectFailure, expectMetadata, sendRaw } from '../../site/calls/call.ts'
import { openSite, type Site, TOKEN } from '../../site/site.ts'

const HOUR_MS = 3_600_000

describe('proxy runners', function () {
  this.timeout('90s')
  let site: Site
  /** A replica that leads, whose period no test outlasts, one whose period is a second, and one that has no room for any runner. */
  let urls: { first: string; quick: string; full: string }

  before(async () => {
    site = await openSite()
    site.kubelet.onPod(() => runs())
    await site.createPool('default', { labels: ['self-hosted', 'linux'] })
    await site.createPool('workers', { mode: 'Worker', labels: ['workers'] })
    const start = async (identity: string, env: Record<string, string>) => (await site.operator({ identity, env })).url
    const [first, quick, full] = await Promise.all([
      start('first', { HEARTBEAT_SECONDS: '600' }),
      start('quick', { ROLES: 'facade', HEARTBEAT_SECONDS: '1' }),
      start('full', { ROLES: 'facade', HEARTBEAT_SECONDS: '600', MAX_PROXIES: '0' }),
    ])
    urls = { first, quick, full }
  })
  afterEach(() => site.checkInvariants())
  after(() => site.close())

  const beat = (name: string, { body, url = urls.first }: { body?: unknown; url?: string } = {}) =>
    call(`${url}/api/runners/${encodeURIComponent(name)}/heartbeat`, { method: 'POST', body })

  async function delegate(jobId: string, runnerName: string, url = urls.first, repository = 'owner/repo') {
    const body = { jobId, runId: '1', repository, runnerName, labels: ['self-hosted', 'linux'] }
    const answer = await call(`${url}/api/jobs/delegate`, { method: 'POST', body })
    expect(answer.status, answer.text).to.equal(201)
    return String(asObject(answer.body['data'])['delegationId'])
  }

  async function rows(query = 'type=proxy', url = urls.first): Promise<Record<string, unknown>[]> {
    const { status, body, text } = await call(`${url}/api/runners?${query}`)
    expect(status, text).to.equal(200)
    return Array.isArray(body['data']) ? body['data'].map(asObject) : []
  }

  const row = async (name: string, query?: string, url?: string) =>
    (await rows(query, url)).find((each) => each['name'] === name)

  async function silence(name: string, ms: number): Promise<void> {
    const key = { namespace: site.namespace, name: proxyName(name) }
    const signal = new AbortController().signal
    await site.client.patchMerge(leases, key, { spec: { renewTime: microTime(new Date(Date.now() - ms)) } }, signal)
  }

  it('that hand a job over and miss three heartbeats lose it: its pod is stopped with reason ProxyLost', async () => {
    expect((await beat('lost', { url: urls.quick })).status).to.equal(201)
    const facts = factsOf('lost', { runnerName: 'lost', labels: ['workers'] })
    const answer = await handOver(urls.quick, facts, pack('{"jobId":"lost"}'))
    const id = String(asObject(answer.body['data'])['delegationId'])
    await site.jobIs(id, { phase: 'Running', reason: 'Running' })
    await site.jobIs(id, { phase: 'Failed', reason: 'ProxyLost', exitCode: 143 })
    expect((await site.pod(id))?.metadata).to.not.have.property('deletionTimestamp')
    const plain = await delegate('not-lost', 'lost', urls.quick)
    await site.jobIs(plain, { phase: 'Running', reason: 'Running' })
  })

  describe('a heartbeat', () => {
    let answer: Answer

    it('registers an unknown runner: 201, with its row in the envelope', async () => {
      answer = await beat('proxy-runner-1', { body: { labels: ['gpu'], repository: 'owner/repo' } })
      expect(answer.status, answer.text).to.equal(201)
      expect(answer.body).to.have.all.keys('success', 'data', 'metadata')
      expectMetadata(answer.body)
      expect(asObject(answer.body['data'])).to.deep.include({
        name: 'proxy-runner-1',
        type: 'proxy',
        status: 'idle',
        labels: ['gpu'],
        repository: 'owner/repo',
        pool: null,
        jobId: null,
      })
    })

    it('may have no body, however that is sent, but no invalid one', async () => {
      for (const body of ['null', '[]', '"x"']) expectFailure(await beat('proxy-bad', { body }), 400, 'InvalidRequest')
      const head = (framing: string) =>
        `POST /api/runners/proxy-bare/heartbeat HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\n` +
        `Connection: close\r\n${framing}\r\n\r\n`
      const asked = { method: 'POST', url: `${urls.first}/api/runners/proxy-bare/heartbeat` }
      const [first] = await sendRaw(urls.first, head('Content-Length: 0'), asked)
      const [second] = await sendRaw(urls.first, `${head('Transfer-Encoding: chunked')}0\r\n\r\n`, asked)
      expect([first.status, second.status]).to.deep.equal([201, 200])
    })

    it('of a known runner is 200, and the list of the same replica shows it at once', async () => {
      const again = await beat('proxy-runner-1')
      expect(again.status, again.text).to.equal(200)
      expect(asObject(again.body['data'])).to.deep.equal(asObject(answer.body['data']))
      expect(await row('proxy-runner-1')).to.deep.equal(asObject(answer.body['data']))
    })

    it('is kept in a Lease that belongs to the Runner, both named by the hash of the name', async () => {
      const name = proxyName('proxy-runner-1')
      const runner = await site.get(runners, name)
      const lease = await site.get(leases, name)
      expect(runner?.spec).to.include({ type: 'Proxy', displayName: 'proxy-runner-1' })
      expect(lease?.metadata.ownerReferences?.map(({ uid }) => uid)).to.deep.equal([runner?.metadata.uid])
      expect(lease?.spec).to.include({ leaseDurationSeconds: 1800 })
      const { lastHeartbeat, id } = asObject(answer.body['data'])
      expect(lastHeartbeat).to.equal(new Date(lease?.spec?.renewTime ?? '').toISOString())
      expect(id).to.equal(runner?.metadata.uid)
    })

    it('is written at most once in a third of a period, by any replica', async () => {
      const name = proxyName('proxy-runner-1')
      await site.until('the other replica to know it', () => row('proxy-runner-1', '', urls.full))
      const before = await site.get(leases, name)
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, index) => beat('proxy-runner-1', { url: index % 2 ? urls.first : urls.full })),
      )
      expect(answers.map(({ status }) => status)).to.deep.equal(answers.map(() => 200))
      expect((await site.get(leases, name))?.metadata.resourceVersion).to.equal(before?.metadata.resourceVersion)
      await silence('proxy-runner-1', 300_000)
      await site.until('a heartbeat that is due to be written', async () => {
        await beat('proxy-runner-1')
        return Date.now() - Date.parse((await site.get(leases, name))?.spec?.renewTime ?? '') < 200_000
      })
    })

    it('creates one Runner from a hundred concurrent ones, on two replicas', async () => {
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, index) => beat('storm', { url: index % 2 ? urls.first : urls.quick })),
      )
      const statuses = answers.map(({ status }) => status)
      expect(
        statuses.filter((status) => status === 201),
        statuses.join(),
      ).to.have.length(1)
      expect(statuses.filter((status) => status === 200)).to.have.length(99)
      expect(new Set(answers.map(({ body }) => asObject(body['data'])['id'])).size).to.equal(1)
    })

    it('changes the labels and the repository, and keeps absent fields', async () => {
      const first = await beat('changing', { body: { labels: ['a'], repository: 'owner/one' } })
      const { id } = asObject(first.body['data'])
      const second = await beat('changing', { body: { labels: ['b', 'c'], unknown: 1 } })
      expect(asObject(second.body['data'])).to.deep.include({ id, labels: ['b', 'c'], repository: 'owner/one' })
      await site.until('the other replica to know it', async () => {
        const labels = (await row('changing', 'repository=owner/one', urls.quick))?.['labels']
        return Array.isArray(labels) && labels.includes('c')
      })
    })

    const strange = ['größer 🚀', 'a/b/c', '%', '$(cat /etc/passwd)', "'; --", 'n'.repeat(128), '🚀'.repeat(128)]
    for (const name of strange) {
      it(`accepts the name ${JSON.stringify(name.slice(0, 20))}`, async () => {
        const { status, body, text } = await beat(name)
        expect(status, text).to.equal(201)
        expect(asObject(body['data'])['name']).to.equal(name)
        expect((await site.get(runners, proxyName(name)))?.spec.displayName).to.equal(name)
      })
    }

    const badNames = {
      'nothing but a blank': '%20',
      'a zero byte': '%00',
      'a line break': 'a%0Ab',
      'a bad escape': '%E0%A4%A',
      '129 letters': 'n'.repeat(129),
    }
    for (const [what, name] of Object.entries(badNames)) {
      it(`rejects a name with ${what}`, async () => {
        const refused = await call(`${urls.first}/api/runners/${name}/heartbeat`, { method: 'POST' })
        expectFailure(refused, 400, 'InvalidRequest')
        expect(refused.body['error']).to.include('name')
      })
    }

    const badBodies: [what: string, body: unknown, field: string][] = [
      ['labels that are no list', { labels: 'gpu' }, 'labels'],
      ['an empty label', { labels: [''] }, 'labels[0]'],
      ['a repository that is none', { repository: 'owner' }, 'repository'],
      ['a list', [], 'body'],
      ['no JSON', '{', 'body'],
    ]
    for (const [what, body, field] of badBodies) {
      it(`rejects ${what}, and registers no runner`, async () => {
        const refused = await beat('refused', { body })
        expectFailure(refused, 400, 'InvalidRequest')
        expect(refused.body['error']).to.include(field)
        expect(await site.get(runners, proxyName('refused'))).to.equal(undefined)
      })
    }

    it('of a new runner is 429 at the limit, of a known one 200', async () => {
      const refused = await beat('too many', { url: urls.full })
      expectFailure(refused, 429, 'TooManyRunners')
      expect(Number(refused.headers.get('retry-after'))).to.be.above(0)
      expect((await beat('proxy-runner-1', { url: urls.full })).status).to.equal(200)
    })

    it('that is missed three times makes the runner offline, on every replica, until the next one', async () => {
      const answer1 = await beat('quick', { url: urls.quick })
      const heardMs = Date.parse(String(asObject(answer1.body['data'])['lastHeartbeat']))
      for (const url of [urls.first, urls.quick]) {
        await site.until('it to be offline', () => row('quick', 'type=proxy&status=offline', url))
      }
      expect(Date.now() - heardMs, 'milliseconds of silence').to.be.at.least(3000)
      const back = await beat('quick')
      expect(asObject(back.body['data'])).to.include({ status: 'idle' })
      await site.until('it to be idle elsewhere', () => row('quick', 'status=idle', urls.quick))
    })
  })

  describe('a delegation', () => {
    let job: string

    it('registers its runner, which is busy until its jobs have finished', async () => {
      job = await delegate('one', 'delegator')
      const seen = await site.until('it to be busy', () => row('delegator', 'type=proxy&status=busy'))
      expect(seen).to.deep.include({ labels: ['self-hosted', 'linux'], repository: 'owner/repo' })
      expect(seen['lastHeartbeat']).to.be.a('string')
      const second = await delegate('two', 'delegator', urls.quick, 'owner/second')
      await site.jobIs(job, { phase: 'Running' })
      await site.jobIs(second, { phase: 'Running' })
      await site.kubelet.apply(`${job}-1`, (pod) => exited(pod, 0))
      await site.jobIs(job, { phase: 'Completed' })
      await site.until('the end to be seen', async () => {
        const { body } = await call(`${urls.first}/api/jobs/${job}`)
        return asObject(body['data'])['status'] === 'completed'
      })
      expect(await row('delegator', 'status=busy'), 'with one job left').to.include({ name: 'delegator' })
      await site.kubelet.apply(`${second}-1`, (pod) => exited(pod, 1))
      await site.until('it to be idle', () => row('delegator', 'type=proxy&status=idle'))
    })

    it('writes nothing for a runner with a recent heartbeat', async () => {
      const name = proxyName('delegator')
      const versions = async () =>
        [await site.get(runners, name), await site.get(leases, name)].map((object) => object?.metadata.resourceVersion)
      const before = await versions()
      const ids = await Promise.all(Array.from({ length: 10 }, (_, index) => delegate(`more-${index}`, 'delegator')))
      for (const id of ids) await site.jobIs(id, { phase: 'Running' })
      await site.until('it to be busy', () => row('delegator', 'status=busy'))
      await delegate('later', 'a later one')
      await site.until('a later one to be registered', () => row('a later one'))
      expect(await versions()).to.deep.equal(before)
    })

    it('lists its runner under each repository that it delegated for', async () => {
      for (const repository of ['owner/repo', 'owner/second']) {
        expect(await row('delegator', `repository=${repository}`), repository).to.include({ name: 'delegator' })
      }
      expect(await row('delegator', 'repository=owner/third')).to.equal(undefined)
    })

    it('by a silent runner brings it back online', async () => {
      await silence('delegator', HOUR_MS)
      await site.until('it to be offline', () => row('delegator', 'status=offline'))
      await delegate('three', 'delegator')
      await site.until('it to be busy', () => row('delegator', 'status=busy'))
    })

    it('by a runner that then falls silent does not keep it online', async () => {
      await silence('delegator', HOUR_MS)
      const seen = await site.until('it to be offline', () => row('delegator', 'status=offline'))
      expect(Date.now() - Date.parse(String(seen['lastHeartbeat']))).to.be.within(HOUR_MS, HOUR_MS + 60_000)
    })

    it('succeeds even at the limit of proxy runners', async () => {
      await delegate('four', 'another', urls.full)
    })

    it('without a runner’s name, or with an empty one, registers no runner', async () => {
      const id = await delegate('five', '')
      await site.jobIs(id, { phase: 'Running' })
      await delegate('six', 'the last one')
      await site.until('a later one to be registered', () => row('the last one'))
      expect(await site.get(runners, proxyName(''))).to.equal(undefined)
    })
  })

  describe('all of them', () => {
    it('that were offline for a day are removed, and may come back', async () => {
      await beat('forgotten')
      await silence('forgotten', 25 * HOUR_MS)
      await site.until('the Runner to go', async () => (await site.get(runners, proxyName('forgotten'))) === undefined)
      await site.until('nobody to list it', async () => {
        const found = await Promise.all([urls.first, urls.quick].map((url) => row('forgotten', 'type=proxy', url)))
        return found.every((runner) => runner === undefined)
      })
      const back = await beat('forgotten', { url: urls.quick })
      expect(back.status, 'and may come back').to.equal(201)
      const { id } = asObject(back.body['data'])
      const lease = await site.get(leases, proxyName('forgotten'))
      expect(
        lease?.metadata.ownerReferences?.map(({ uid }) => uid),
        'its Lease goes with its Runner',
      ).to.deep.equal([id])
      expect(asObject(back.body['data'])).to.include({ status: 'idle' })
    })

    it('are the same for every replica, newest first, beside the runners of other types', async () => {
      // When a pod was last known to run each replica says for itself.
      const shown = (runner: Record<string, unknown>) =>
        runner['type'] === 'ephemeral' ? { ...runner, lastHeartbeat: undefined } : runner
      const all = await site.until('both to list the same', async () => {
        const [here, there] = await Promise.all([rows('', urls.first), rows('', urls.quick)])
        return JSON.stringify(here.map(shown)) === JSON.stringify(there.map(shown)) ? here : undefined
      })
      const created = all.map(({ createdAt }) => Date.parse(String(createdAt)))
      expect(created).to.deep.equal(created.toSorted((a, b) => b - a))
      expect(new Set(all.map(({ type }) => type))).to.deep.equal(new Set(['proxy', 'ephemeral']))
    })
  })
})
