import { appendFile } from 'node:fs/promises'
import { expect } from 'chai'
import { localTokens } from '../../../config/local/run.d/tokens.ts'
import { type RouteName, routes } from '../../../src/http/routes.ts'
import { KubeClient } from '../../../src/kube/client/client.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import type { Operator } from '../../processes/operator.ts'
import { bind, makeAccount, removeAccount, resigned, tokenOf } from '../../site/accounts.ts'
import { type Answer, call, expectFailure } from '../../site/calls/call.ts'
import { openSite, type Site, TOKEN } from '../../site/site.ts'

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
  heartbeat: ['proxy', 'admin'],
  metrics: ['metrics', 'admin'],
}

const HOUR = 3600
const CLUSTER = 'https://kubernetes.default.svc.cluster.local'

describe('permissions', function () {
  this.timeout('60s')
  let site: Site
  let operator: Operator
  const tokens = new Map<string, string>()

  before(async () => {
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
    operator = await site.operator()
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
    const url = `${operator.url}${path.replace(':file', 'page.js').replaceAll(/:\w+/g, 'none')}`
    if (method === 'GET') return call(url, { headers: authorization })
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
