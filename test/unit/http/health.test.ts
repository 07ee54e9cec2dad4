import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { expect } from 'chai'
import { ConcurrencyLimit } from '../../../src/auth/concurrency-limit.ts'
import type { Watched } from '../../../src/cluster/caches.ts'
import { Redactor } from '../../../src/domain/log/redaction.ts'
import { makeApp } from '../../../src/http/app.ts'
import { KubeClient } from '../../../src/kube/client/client.ts'
import { Metrics } from '../../../src/metrics/registry.ts'
import { FilledCaches } from '../../objects/stores.ts'
import { HandClock } from '../../observe/clock.ts'

const MINUTE = 60_000

describe('/readyz', () => {
  const server: Server = createServer()
  const clock = new HandClock()
  const stores = new FilledCaches()
  /** Last contact of each cache. */
  const heardAt: (number | undefined)[] = [undefined, undefined]

  before(async () => {
    const { log } = stores
    const reflectors = heardAt.map(
      (_, index): Watched => ({
        run: () => Promise.resolve(),
        relist: () => Promise.resolve(),
        lastContactMs: () => heardAt[index],
        isBroken: () => false,
      }),
    )
    const connection = { server: new URL('https://127.0.0.1:1'), credentials: () => Promise.reject(new Error('none')) }
    const app = makeApp({
      client: new KubeClient(connection, { userAgent: 'test', clock }),
      caches: { ...stores.caches, reflectors },
      log,
      auditLog: log,
      namespace: 'ns',
      clock,
      newId: () => 'a',
      closing: new AbortController().signal,
      version: '1.2.3',
      idempotencyWindowMs: 0,
      heartbeatMs: 0,
      maxProxies: 0,
      redactor: () => new Redactor(),
      logStreams: new ConcurrencyLimit(1),
      reauthoriseMs: MINUTE,
      metrics: new Metrics({ clock, version: '1.2.3' }),
      operationsOnly: true,
      authority: { callerOf: () => expect.fail('open to all'), allows: () => expect.fail('open to all') },
      rateLimit: { max: 1, windowSeconds: 1, clientOf: (peer) => peer },
      shed: { maxRequests: 1000, maxDelayMs: 1000, delayMs: () => 0 },
    })
    const handle = app.callback()
    server.on('request', (request, response) => void handle(request, response)).listen(0, '127.0.0.1')
    await once(server, 'listening')
  })
  after(() => server.close())

  async function readyz(): Promise<string> {
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const response = await fetch(`http://127.0.0.1:${port}/readyz`)
    return `${response.status} ${await response.text()}`
  }

  const silent = '503 no contact with the cluster for five minutes'

  it('is 503 until the caches have synced', async () => {
    heardAt.fill(clock.monotonicMs())
    expect(await readyz()).to.equal('503 caches have not synced yet')
    await stores.fill()
    expect(await readyz()).to.equal('200 ok')
  })

  it('stays 200 in an outage of up to five minutes, and is 503 after that', async () => {
    await clock.advance(5 * MINUTE - 1)
    expect(await readyz()).to.equal('200 ok')
    await clock.advance(1)
    expect(await readyz()).to.equal(silent)
  })

  it('is 503 while a single cache is that old', async () => {
    heardAt[0] = clock.monotonicMs()
    expect(await readyz()).to.equal(silent)
    heardAt[1] = clock.monotonicMs()
    expect(await readyz()).to.equal('200 ok')
  })
})
