import { once } from 'node:events'
import type { Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect } from 'chai'
import Koa from 'koa'
import type { FacadeState } from '../../../src/http/context.ts'
import { envelope } from '../../../src/http/envelope.ts'
import { readJson } from '../../../src/http/input/json-body.ts'
import { securityHeaders } from '../../../src/http/middleware/headers.ts'
import { countRequests } from '../../../src/http/middleware/request-metrics.ts'
import { makeServer } from '../../../src/http/server.ts'
import { Metrics } from '../../../src/metrics/registry.ts'
import { RecordedLog } from '../../documents/recorded-log.ts'
import { samplesOf } from '../../objects/samples.ts'
import { HandClock } from '../../observe/clock.ts'
import { eventually } from '../../observe/eventually.ts'

const HEAD = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n'

describe('the server below the application', () => {
  let server: Server
  let metrics: Metrics
  let handled: number
  let handledUrl: string

  beforeEach(async () => {
    const clock = new HandClock()
    metrics = new Metrics({ clock, version: '1' })
    handled = 0
    const app = new Koa<FacadeState>()
    app.silent = true
    app.use(async (ctx, next) => {
      handledUrl = ctx.url
      await next()
      handled += 1
    })
    app.use(countRequests(metrics, clock))
    app.use(envelope({ clock, log: new RecordedLog(), version: '1' }))
    app.use(async (ctx) => void (await readJson(ctx.req)))
    const handle = app.callback()
    const options = { clock, log: new RecordedLog(), version: '1', metrics, basePath: '/hub' }
    server = makeServer((request, response) => void handle(request, response), options)
    server.headersTimeout = 1000
    server.requestTimeout = 1000
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  })
  afterEach(() => void server.close())

  function send(bytes: string): Socket {
    const address: AddressInfo | string | null = server.address()
    const caller = connect(typeof address === 'object' && address !== null ? address.port : 0, '127.0.0.1')
    caller.write(bytes)
    return caller
  }

  /** The counted responses, as `route code`. */
  async function counted(): Promise<string[]> {
    const samples = [...samplesOf(await metrics.text())]
    return samples.flatMap(([name, count]) => {
      const [, route = '', code = ''] =
        /^github_runnerhub_http_requests_total\{route="(.+)",code="(.+)"\}/.exec(name) ?? []
      return Array.from({ length: route === '' ? 0 : count }, () => `${route} ${code}`)
    })
  }

  const refused: Record<string, [bytes: string, status: number]> = {
    'what is no request': ['nonsense\r\n\r\n', 400],
    'headers that are too long': [`GET / HTTP/1.1\r\nX: ${'x'.repeat(20_480)}\r\n\r\n`, 431],
    'chunks with too much beside them': [
      `${HEAD.replace('Content-Length: 9', 'Transfer-Encoding: chunked')}1;${'x'.repeat(20_480)}\r\n1\r\n0\r\n\r\n`,
      413,
    ],
    'half of a request line': ['GET /', 408],
    'half of a body': [`${HEAD}{`, 408],
  }
  for (const [what, [bytes, status]] of Object.entries(refused)) {
    it(`answers ${status} to ${what}, with every header that keeps browsers safe, and counts it once`, async () => {
      const answer = await text(send(bytes))
      expect(answer).to.match(new RegExp(`^HTTP/1\\.1 ${status} `))
      for (const [name, value] of Object.entries(securityHeaders))
        expect(answer).to.include(`\r\n${name}: ${value}\r\n`)
      if (bytes.startsWith('POST')) await eventually(() => handled > 0, { what: 'the application to be done' })
      expect(await counted()).to.deep.equal([`none ${status}`])
    })
  }

  it('counts nothing for a caller that is cut off before a response', async () => {
    const begun = once(server, 'request')
    const caller = send(`${HEAD}{`)
    await begun
    caller.resetAndDestroy()
    await eventually(() => handled > 0, { what: 'the application to be done' })
    expect(await counted()).to.deep.equal([])
  })

  for (const offer of ['', 'Connection: Upgrade\r\nUpgrade: h2c\r\n']) {
    it(`removes the base path once, ${offer === '' ? 'without' : 'with'} an offer of another protocol`, async () => {
      const caller = send(`GET /hub/hub/api/jobs HTTP/1.1\r\nHost: x\r\n${offer}\r\n`)
      await once(caller, 'data')
      caller.destroy()
      expect(handledUrl).to.equal('/hub/api/jobs')
    })
  }
})
