import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { expect } from 'chai'
import Koa from 'koa'
import type { FacadeState } from '../../../src/http/context.ts'
import { envelope } from '../../../src/http/envelope.ts'
import { readJson } from '../../../src/http/input/json-body.ts'
import { RecordedLog } from '../../documents/recorded-log.ts'
import { HandClock } from '../../observe/clock.ts'

describe('the log of failed requests', () => {
  let log: RecordedLog
  let server: Server
  let ended: Promise<number>

  beforeEach(async () => {
    log = new RecordedLog()
    const app = new Koa<FacadeState>()
    app.silent = true
    ended = new Promise((resolve) => {
      app.use(async (ctx, next) => {
        await next()
        resolve(ctx.status)
      })
    })
    app.use(envelope({ clock: new HandClock(), log, version: '1' }))
    app.use(async (ctx) => {
      if (ctx.path === '/bug') throw new TypeError('a bug')
      await readJson(ctx.req)
    })
    const handle = app.callback()
    server = createServer((request, response) => void handle(request, response)).listen(0)
    await once(server, 'listening')
  })
  afterEach(() => void server.close())

  async function send(text: string) {
    const address: AddressInfo | string | null = server.address()
    const caller = connect({ port: typeof address === 'object' && address !== null ? address.port : 0 })
    await once(caller, 'connect')
    caller.write(text)
    return caller
  }

  it('contains every internal error', async () => {
    const caller = await send('GET /bug HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    expect(await ended).to.equal(500)
    expect(log.lines).to.deep.equal([{ level: 'error', message: 'request failed', method: 'GET', path: '/bug' }])
    caller.destroy()
  })

  it('does not contain callers that disconnect within their body', async () => {
    const head = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{'
    const begun = once(server, 'request')
    const caller = await send(head)
    await begun
    caller.destroy()
    expect(await ended, 'the status code of metrics and log').to.equal(499)
    expect(log.lines).to.deep.equal([])
  })
})
