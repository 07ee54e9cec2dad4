import { appendFile } from 'node:fs/promises'
import { expect } from 'chai'
import { localTokens } from '../../../config/local/run.d/tokens.ts'
import { DELEGATED_BY_ANNOTATION } from '../../../src/api/names.ts'
import { type RouteName, routes } from '../../../src/http/routes.ts'
import { KubeClient } from '../../../src/kube/client/client.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { runs } from '../../kubelet/script.ts'
import { buildPage } from '../../browser/page-bundle.ts'
import type { Operator } from '../../processes/operator.ts'
import { bind, makeAccount, removeAccount, resigned, roles, tokenOf, unbind } from '../../site/accounts.ts'
import { type Answer, call, expectFailure } from '../../site/calls/call.ts'
import { openSite, type Site, TOKEN } from '../../site/site.ts'
import { type Listener, rawListener } from '../realtime/listener.ts'

/** Known callers: those of the roles in the manifests, and one without any role. */
const known = ['without bindings', 'proxy', 'viewer', 'admin', 'metrics'] as const
type Known = (typeof known)[number]

/** Callers that are unknown, or whose token is for another audience. */
const strangers = ['no token', 'garbage', 'forged', 'expired', 'wrong audience', 'deleted account'] as const

/** Who may call what. A new route needs a line here. */
const mayCall: Record<RouteName, 'everybody' | readonly Known[]> = {
  health: 'everybody',
  livez: 'everybody',
  readyz: 'everybody',
  document: 'everybody',
  page: 'everybody',
  pageFile: 'everybody',
  docsPage: 'everybody',
  docsFile: 'everybody',
  listJobs: ['viewer', 'admin'],
  getJob: ['proxy', 'viewer', 'admin'],
  logs: ['proxy', 'viewer', 'admin'],
  delegate: ['proxy', 'admin'],
  report: ['proxy', 'admin'],
  proxyComplete: ['proxy', 'admin'],
  cancel: ['proxy', 'admin'],
  listRunners: ['viewer', 'admin'],
  listPools: ['viewer', 'admin'],
  caller: known,
  heartbeat: ['proxy', 'admin'],
  metrics: ['metrics', 'admin'],
}

const HOUR = 3600
const CLUSTER = 'https://kubernetes.default.svc.cluster.local'

describe('permissions', function () {
  this.timeout('60s')
  let site: Site
  let operator: Operator
  let pageFile: string
  const tokens = new Map<string, string>()

  before(async () => {
    pageFile = await buildPage()
    site = await openSite()
    const lines = ['nobodys-token,nobody,nobody-uid', 'viewers-token,eve,eve-uid,"others,runnerhub:viewers"']
    await appendFile(site.tokenFile, `${lines.join('\n')}\n${localTokens}`)
    const kinds = ['proxy', 'viewer', 'admin', 'metrics']
    await Promise.all([
      makeAccount(site, 'nothing'),
      makeAccount(site, 'gone', 'runnerhub-admin'),
      ...kinds.map((kind) => makeAccount(site, kind, `runnerhub-${kind}`)),
    ])
    // As the manifests do for the group of admins.
    await bind(site, 'admin', 'runnerhub-metrics')
    operator = await site.operator({ env: { REAUTHORISE_SECONDS: '1' } })
    for (const kind of kinds) tokens.set(kind, await tokenOf(site, kind))
    tokens.set('without bindings', await tokenOf(site, 'nothing'))
    const good = tokens.get('admin') ?? ''
    const now = Math.floor(Date.now() / 1000)
    tokens.set('garbage', 'e30.e30.garbage')
    tokens.set(
      'forged',
      good.replace(/[^.]*$/, (signature) => 'A'.repeat(signature.length)),
    )
    tokens.set('expired', await resigned(site, good, { iat: now - 2 * HOUR, nbf: now - 2 * HOUR, exp: now - HOUR }))
    tokens.set('signed again', await resigned(site, good, { exp: now + HOUR / 2 }))
    tokens.set('wrong audience', await tokenOf(site, 'admin', CLUSTER))
    tokens.set('deleted account', await tokenOf(site, 'gone'))
    await removeAccount(site, 'gone')
    const isGone = async () => (await as('deleted account', { method: 'GET', path: '/api/jobs/none' })).status === 401
    // Reviews are cached for ten seconds.
    await site.until('the API server to know that the account is gone', isGone, 30_000)
  })
  after(() => site.close())

  function as(who: string, { method, path }: { method: string; path: string }): Promise<Answer> {
    const token = tokens.get(who)
    const authorization: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const file = path.startsWith('/page/') ? pageFile : 'page.js'
    const url = `${operator.url}${path.replace(':file', file).replaceAll(/:\w+/g, 'none')}`
    // A browser asks for HTML, and other callers do not find the page.
    const accept = path === '/' ? { accept: 'text/html' } : {}
    if (method === 'GET') return call(url, { headers: { ...authorization, ...accept } })
    // A body that no route accepts: a 400 shows that the caller was authorised.
    return call(url, { method, headers: { ...authorization, 'content-type': 'application/json' }, body: [] })
  }

  for (const route of routes) {
    const allowed = mayCall[route.name]
    const name = `${route.method} ${route.path}`
    for (const who of [...strangers, ...known]) {
      if (allowed === 'everybody') {
        it(`${name} is open to a caller with ${who}`, async () => {
          expect((await as(who, route)).status).to.equal(200)
        })
      } else if (strangers.some((stranger) => stranger === who)) {
        it(`${name} is 401 for ${who}`, async () => expectFailure(await as(who, route), 401, 'Unauthorized'))
      } else if (allowed.some((kind) => kind === who)) {
        it(`${name} is open to ${who}`, async () => {
          expect((await as(who, route)).status).to.be.oneOf([200, 400, 404])
        })
      } else {
        it(`${name} is 403 for ${who}`, async () => expectFailure(await as(who, route), 403, 'Forbidden'))
      }
    }
  }

  const list = { method: 'GET', path: '/api/jobs' }
  const delegate = { method: 'POST', path: '/api/jobs/delegate' }

  it('for HEAD are those for GET', async () => {
    const head = async (who: string) => {
      const headers = { authorization: `Bearer ${tokens.get(who)}` }
      return (await call(`${operator.url}/api/jobs`, { method: 'HEAD', headers })).status
    }
    const statuses = await Promise.all(['garbage', 'without bindings', 'viewer'].map((who) => head(who)))
    expect(statuses).to.deep.equal([401, 403, 200])
  })

  it('apply to any token that the cluster signed, so the expired one is rejected for its age', async () => {
    expect((await as('signed again', list)).status).to.equal(200)
  })

  it('of static tokens are those of their user and groups in the file, and no more', async () => {
    tokens.set('nobody', 'nobodys-token').set('eve', 'viewers-token')
    expectFailure(await as('nobody', list), 403, 'Forbidden')
    expect((await as('eve', list)).status).to.equal(200)
    expectFailure(await as('eve', delegate), 403, 'Forbidden')
  })

  it('of the tokens of make run are all for your-token, and all reads for viewer-token', async () => {
    tokens.set('local', 'your-token').set('local viewer', 'viewer-token')
    for (const route of routes.filter(({ permission }) => permission !== 'open')) {
      const name = `${route.method} ${route.path}`
      expect((await as('local', route)).status, name).to.be.oneOf([200, 400, 404])
      const { status } = await as('local viewer', route)
      if (route.method === 'GET') expect(status, name).to.be.oneOf([200, 400, 404])
      else expect(status, name).to.equal(403)
    }
  })

  describe('of a proxy', () => {
    const repository = 'owner/owned'
    const stranger = '00000000-0000-5000-8000-000000000000'
    /** The id of each proxy's job, and of one that no caller delegated. */
    const ids = { a: '', b: '', nobody: '' }

    before(async () => {
      await site.createPool('owned', { labels: ['owned'] })
      site.kubelet.onPod(() => runs())
      const lines = ['a', 'b'].map((name) => `token-of-${name},proxy-${name},uid-${name},"runnerhub:proxies"`)
      await appendFile(site.tokenFile, `${lines.join('\n')}\n`)
      for (const name of ['a', 'b']) tokens.set(name, `token-of-${name}`)
      const isKnown = async () => (await ask('b', 'GET', `/api/jobs/${stranger}`)).status === 404
      await site.until('the tokens to be known', isKnown)
      ids.a = await delegated('a', { jobId: 'first' })
      ids.b = await delegated('b', { jobId: 'second' })
      ids.nobody = (await site.createJob('by-hand', { repository, labels: ['owned'] })).metadata.name
      for (const id of Object.values(ids)) await site.jobIs(id, { phase: 'Running' })
    })

    function ask(who: string, method: string, path: string, body?: unknown): Promise<Answer> {
      const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' }
      const headers = { authorization: `Bearer ${tokens.get(who)}`, ...type }
      return call(`${operator.url}${path}`, { method, headers, ...(body !== undefined && { body }) })
    }

    async function delegated(who: string, facts: object): Promise<string> {
      const body = { runId: '1', repository, runnerName: 'same', labels: ['owned'], ...facts }
      const answer = await ask(who, 'POST', '/api/jobs/delegate', body)
      expect(answer.status, answer.text).to.equal(201)
      return String(asObject(answer.body['data'])['delegationId'])
    }

    /** Every request about one job. */
    const requests: [method: string, path: string, body?: unknown][] = [
      ['GET', ''],
      ['GET', '?waitSeconds=1'],
      ['GET', '/logs'],
      ['GET', '/logs?follow=true'],
      ['PATCH', '/status', { status: 'completed' }],
      ['POST', '/proxy-complete', { status: 'failed', runId: 'other' }],
      ['POST', '/cancel'],
    ]
    for (const [method, path, body] of requests) {
      it(`are 404 for ${method} :id${path} of the job of another caller, as of one that does not exist`, async () => {
        const before = await Promise.all([ids.b, ids.nobody].map((id) => site.job(id)))
        const unknown = await ask('a', method, `/api/jobs/${stranger}${path}`, body)
        expectFailure(unknown, 404, 'NotFound')
        for (const id of [ids.b, before[0]?.metadata.uid ?? '', ids.nobody]) {
          const foreign = await ask('a', method, `/api/jobs/${id}${path}`, body)
          expect(foreign.status).to.equal(404)
          expect([foreign.body['error'], foreign.body['code']]).to.deep.equal([
            unknown.body['error'],
            unknown.body['code'],
          ])
        }
        expect(await Promise.all([ids.b, ids.nobody].map((id) => site.job(id)))).to.deep.equal(before)
      })
    }

    it('let viewers see the jobs of all callers', async () => {
      for (const id of Object.values(ids)) expect((await ask('viewer', 'GET', `/api/jobs/${id}`)).status).to.equal(200)
    })

    it('name as the owner the caller, whatever it writes', async () => {
      const claims = { delegatedBy: 'proxy-b', annotations: { [DELEGATED_BY_ANNOTATION]: 'proxy-b' } }
      const id = await delegated('a', { jobId: 'claims', ...claims, metadata: claims })
      expect((await site.job(id))?.metadata.annotations?.[DELEGATED_BY_ANNOTATION]).to.equal('proxy-a')
      expect((await ask('b', 'GET', `/api/jobs/${id}`)).status).to.equal(404)
    })

    it('keep two proxies with the same facts apart: neither can take the job of the other', async () => {
      const facts = { jobId: 'the same' }
      const [a, b] = [await delegated('a', facts), await delegated('b', facts)]
      expect(a).to.not.equal(b)
      expect([await delegated('a', facts), await delegated('b', facts)], 'repeats').to.deep.equal([a, b])
      expect((await ask('b', 'GET', `/api/jobs/${b}`)).status).to.equal(200)
    })

    it('limit its events to its own jobs, in every form', async () => {
      const [own, all] = [await listen('a', true), await listen('viewer', true)]
      const plain = await listen('a', false)
      const theirs = await delegated('b', { jobId: 'heard by viewers' })
      const mine = await delegated('a', { jobId: 'heard' })
      const heard = ({ received }: Listener) => JSON.stringify(received)
      for (const listener of [own, all, plain]) {
        await site.until('the event', () =>
          heard(listener).includes(`${mine}","repository":"${repository}","status":"running`),
        )
        listener.close()
      }
      expect(heard(all)).to.include(theirs).and.to.include(ids.b).and.to.include(ids.a)
      expect(heard(own)).to.include(ids.a)
      for (const listener of [own, plain]) {
        for (const id of [theirs, ids.b, ids.nobody]) expect(heard(listener)).to.not.include(id)
      }
      expect(heard(own), 'the owners').to.not.include('proxy-')
    })

    async function listen(who: string, snapshot: boolean): Promise<Listener> {
      const listener = await rawListener(operator.realtimeUrl, { token: tokens.get(who) ?? '' })
      await listener.send('subscribe:repository', snapshot ? { repository, snapshot } : repository)
      return listener
    }

    it('limit its lists to its own jobs, where a Role lets it list', async () => {
      const rules = [{ apiGroups: ['runnerhub.dev'], resources: ['runnerjobs'], verbs: ['list', 'watch'] }]
      const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { name: 'lists' }, rules }
      await site.create(roles, role)
      await bind(site, 'proxy-a', 'lists', 'User')
      const listed = async (who: string, query = '') => {
        const answer = await ask(who, 'GET', `/api/jobs?limit=100${query}`)
        if (answer.status !== 200) return undefined
        const rows: unknown = answer.body['data']
        return Array.isArray(rows) ? rows.map((row) => String(asObject(row)['id'])) : []
      }
      await site.until('the Role to be known', async () => (await listed('a')) !== undefined)
      const [own = [], all = []] = [await listed('a'), await listed('viewer')]
      expect(all).to.include.members([ids.a, ids.b])
      const jobs = await Promise.all(own.map((id) => site.job(id)))
      expect(jobs.map((job) => job?.metadata.annotations?.[DELEGATED_BY_ANNOTATION])).to.include('proxy-a')
      expect(new Set(jobs.map((job) => job?.metadata.annotations?.[DELEGATED_BY_ANNOTATION])).size).to.equal(1)
      expect(await listed('a', `&repository=${repository}&status=running`))
        .to.include(ids.a)
        .and.to.not.include(ids.b)
    })

    it('let it see, follow, report on and cancel its own job', async () => {
      expect((await ask('a', 'GET', `/api/jobs/${ids.a}`)).status).to.equal(200)
      expect((await ask('a', 'PATCH', `/api/jobs/${ids.a}/status`, { status: 'running' })).status).to.equal(200)
      expect((await ask('a', 'POST', `/api/jobs/${ids.a}/cancel`)).status).to.equal(202)
      await site.jobIs(ids.a, { phase: 'Cancelled' })
      const complete = { status: 'cancelled', runId: '1' }
      expect((await ask('a', 'POST', `/api/jobs/${ids.a}/proxy-complete`, complete)).status).to.equal(200)
    })

    it('become those for all jobs with the Role runnerhub-all-jobs, until that is taken away', async () => {
      await bind(site, 'proxy-b', 'runnerhub-all-jobs', 'User')
      const status = async () => (await ask('b', 'GET', `/api/jobs/${ids.nobody}`)).status
      await site.until('the Role to be known', async () => (await status()) === 200)
      expect((await ask('b', 'PATCH', `/api/jobs/${ids.nobody}/status`, { status: 'running' })).status).to.equal(200)
      const listener = await rawListener(operator.realtimeUrl, { token: tokens.get('b') ?? '' })
      await unbind(site, 'proxy-b')
      expect(await listener.closed).to.equal(1008)
      await site.until('the Role to be gone', async () => (await status()) === 404)
    })
  })

  it('to call the API grant nothing at the API server itself', async () => {
    const path = `/apis/runnerhub.dev/v1/namespaces/${site.namespace}/runnerjobs`
    const body = { apiVersion: 'runnerhub.dev/v1', kind: 'RunnerJob', metadata: { generateName: 'x-' }, spec: {} }
    const connection = site.plane.controlPlane.connection
    const { ca = '' } = (await connection.credentials()).tls
    const tls = { ca }
    for (const who of ['proxy', 'admin']) {
      const token = await tokenOf(site, who, CLUSTER)
      const headers = { authorization: `Bearer ${token}` }
      const client = new KubeClient(
        { ...connection, credentials: async () => ({ headers, tls }) },
        { userAgent: 'caller' },
      )
      for (const [method, where] of [
        ['POST', path],
        ['PUT', `${path}/x/status`],
        ['PATCH', `${path}/x`],
        ['DELETE', `${path}/x`],
      ] as const) {
        const done = await client
          .request(method, where, { body }, AbortSignal.timeout(10_000))
          .then(() => 'done', String)
        expect(done, `${who}: ${method}`).to.include('forbidden')
      }
      await client.close()
    }
  })

  it('log one audit line for each request that attempts a change, and none for others', async () => {
    const since = operator.log.length
    const job = { jobId: 'audited', runId: '1', repository: 'owner/audited' }
    const made = await call(`${operator.url}${delegate.path}`, { method: 'POST', body: job })
    const id = String(asObject(made.body['data'])['delegationId'])
    await as('viewer', { method: 'PATCH', path: `/api/jobs/${id}/status` })
    await as('viewer', list)
    await as('garbage', delegate)
    const lines = () => operator.log.slice(since).filter(({ msg }) => msg === 'audit')
    await site.until('two lines in the log', () => lines().length === 2)
    const [first = {}, second = {}] = lines()
    expect(first).to.include({ audit: 'delegate', user: 'tester', uid: 'tester-uid', path: delegate.path, status: 201 })
    expect(first).to.include({ job: id, repository: 'owner/audited', replayed: false })
    const user = `system:serviceaccount:${site.namespace}:viewer`
    expect(second).to.include({ audit: 'report', user, path: `/api/jobs/${id}/status`, status: 403 })
  })

  it('never put a token into the log', () => {
    const log = JSON.stringify(operator.log)
    for (const [who, token] of tokens) expect(log.includes(token), `the token of ${who} in the log`).to.equal(false)
    expect(log.includes(TOKEN)).to.equal(false)
  })
})
