import { once } from 'node:events'
import { createServer, type IncomingMessage, request as sendRequest, type Server } from 'node:http'
import { expect } from 'chai'
import { ConcurrencyLimit } from '../../../src/auth/concurrency-limit.ts'
import { Redactor } from '../../../src/domain/log/redaction.ts'
import { makeApp } from '../../../src/http/app.ts'
import { type Route, routes } from '../../../src/http/routes.ts'
import { basePaths } from '../../../src/http/base-path.ts'
import { KubeClient } from '../../../src/kube/client/client.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { Metrics } from '../../../src/metrics/registry.ts'
import { FilledCaches } from '../../objects/stores.ts'
import { HandClock } from '../../observe/clock.ts'

describe('the application', () => {
  const server: Server = createServer()
  const clock = new HandClock()
  let url: string
  let delayMs = 0

  before(async () => {
    const { caches, log } = await new FilledCaches().fill()
    const connection = { server: new URL('https://127.0.0.1:1'), credentials: () => Promise.reject(new Error('none')) }
    const app = makeApp({
      client: new KubeClient(connection, { userAgent: 'test', clock }),
      caches,
      log,
      auditLog: log,
      namespace: 'ns',
      clock,
      newId: () => 'a1',
      closing: new AbortController().signal,
      version: '1.2.3',
      idempotencyWindowMs: 0,
      heartbeatMs: 60_000,
      maxProxies: 1,
      redactor: () => new Redactor(),
      logStreams: new ConcurrencyLimit(1),
      reauthoriseMs: 60_000,
      metrics: new Metrics({ clock, version: '1.2.3' }),
      authority: {
        callerOf: async () => ({ value: { user: 'somebody', uid: '', groups: [] }, isStale: false }),
        allows: async () => ({ value: true, isStale: false }),
      },
      rateLimit: { max: 1000, windowSeconds: 1, clientOf: (peer) => peer },
      shed: { maxRequests: 1000, maxDelayMs: 1000, delayMs: () => delayMs },
      basePathOf: basePaths({ configured: '/hub', isTrustedPeer: () => true }),
    })
    const handle = app.callback()
    server.on('request', (request, response) => void handle(request, response)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
  })
  after(() => server.close())

  const send = (path: string, method = 'GET', headers: Record<string, string> = {}) =>
    fetch(`${url}${path}`, { method, headers: { authorization: 'Bearer token', ...headers } })

  describe('whose event loop is late', () => {
    before(() => (delayMs = 1001))
    after(() => (delayMs = 0))

    const kept = ['report', 'proxyComplete', 'cancel', 'heartbeat', 'metrics', 'health', 'livez', 'readyz']
    for (const { name, method, path, permission } of routes) {
      const isServed = permission === 'open' || kept.includes(name)
      it(`${isServed ? 'serves' : 'refuses at once'} ${method} ${path}`, async () => {
        const response = await send(path.replaceAll(/:\w+/g, 'x'), method)
        const text = await response.text()
        if (isServed) expect(text).to.not.include('"code":"Overloaded"')
        else {
          expect(asObject(JSON.parse(text))).to.include({ success: false, code: 'Overloaded' })
          expect(response.status).to.equal(503)
          expect(response.headers.get('retry-after')).to.equal('2')
        }
      })
    }

    it('serves everything as soon as it is in time', async () => {
      delayMs = 1000
      expect((await send('/api/jobs')).status).to.equal(200)
    })
  })

  for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH']) {
    it(`does not treat "delegate" as a job id: ${method} is not allowed`, async () => {
      const response = await send('/api/jobs/delegate', method)
      expect({ status: response.status, allow: response.headers.get('allow') }).to.deep.equal({
        status: 405,
        allow: 'OPTIONS, POST',
      })
    })
  }

  it('gives a page of any other host name nothing but what is open to everybody', async () => {
    const headers = { host: 'rebound.example:3000', origin: 'http://rebound.example:3000' }
    const from = async ({ method, path }: Route): Promise<number | undefined> => {
      const sent = sendRequest(`${url}${path.replaceAll(/:\w+/g, 'none')}`, { method, headers })
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        sent.once('response', resolve).once('error', reject).end()
      })
      return response.resume().statusCode
    }
    for (const route of routes) {
      const status = await from(route)
      if (route.permission === 'open') expect(status, route.name).to.not.equal(401)
      else expect(status, route.name).to.equal(401)
    }
  })

  it('responds to OPTIONS with the methods of the literal path, not of a job', async () => {
    expect((await send('/api/jobs/delegate', 'OPTIONS')).headers.get('allow')).to.equal('OPTIONS, POST')
    expect((await send('/api/jobs/delegates', 'OPTIONS')).headers.get('allow')).to.equal('GET, HEAD, OPTIONS')
    expect((await send('/api/jobs/delegates')).status).to.not.equal(405)
  })

  const below = { '/hub': {}, '/team': { 'x-forwarded-prefix': '/team' } }
  for (const [base, headers] of Object.entries(below)) {
    it(`serves document and page below ${base}`, async () => {
      const document = asObject(await (await send('/openapi.json', 'GET', headers)).json())
      expect(document['servers']).to.deep.equal([{ url: base }])
      const page = await send('/docs', 'GET', headers)
      expect(page.headers.get('vary')).to.include('X-Forwarded-Prefix')
      const links = [...(await page.text()).matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path = '']) => path)
      expect(links).to.have.length(3)
      for (const link of links) {
        expect(link.startsWith(`${base}/docs/`), link).to.equal(true)
        expect((await send(link.slice(base.length))).status, link).to.equal(200)
      }
      const script = await (await send('/docs/page.js')).text()
      expect(script, 'finds the document beside its folder').to.include("'../openapi.json', document.currentScript.src")
    })
  }
})
