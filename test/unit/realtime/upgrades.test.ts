import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { expect } from 'chai'
import { asObject } from '../../../src/kube/client/parse.ts'
import { makeRealtime, type Realtime } from '../../../src/realtime/server.ts'
import { RecordedLog } from '../../documents/recorded-log.ts'
import { FilledCaches } from '../../objects/stores.ts'
import { HandClock } from '../../observe/clock.ts'

describe('a protocol that a client offers to the realtime server', () => {
  let realtime: Realtime
  let port: number

  before(async () => {
    const { caches } = await new FilledCaches().fill()
    const admit = async () => ({ is: 'admitted', caller: 'a', mayList: true, scope: { is: 'all' } }) as const
    const limits = { reauthoriseMs: 60_000, mostPerCaller: 9 }
    realtime = makeRealtime({ caches, admit, clock: new HandClock(), log: new RecordedLog(), ...limits })
    realtime.server.listen(0, '127.0.0.1')
    await once(realtime.server, 'listening')
    const address = realtime.server.address()
    port = typeof address === 'object' && address !== null ? address.port : 0
  })
  after(async () => {
    await realtime.close()
    realtime.server.closeAllConnections()
  })

  const webSocket = { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==', 'sec-websocket-version': '13' }

  /** Status and body of the response to a request that offers protocols. */
  async function answer(
    path: string,
    upgrade: string,
    { method = 'GET', body = '', ...headers }: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const common = { upgrade, 'http2-settings': 'AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA' }
    const connection = 'Upgrade, HTTP2-Settings'
    const sent = request({ port, host: '127.0.0.1', path, method, headers: { connection, ...common, ...headers } })
    sent.end(body)
    return new Promise<string>((resolve, reject) => {
      sent.once('error', reject)
      sent.once('upgrade', (response: IncomingMessage, socket) => {
        socket.destroy()
        resolve(`${response.statusCode} ${response.headers.upgrade}`)
      })
      sent.once('response', (response: IncomingMessage) => {
        text(response).then((content) => resolve(`${response.statusCode} ${content}`), reject)
      })
    })
  }

  for (const offered of ['h2c', 'H2C', 'TLS/1.0', 'h2c, TLS/1.2', 'foo/2']) {
    it(`is ignored for Socket.IO polling: ${offered}`, async () => {
      const path = '/socket.io/?EIO=4&transport=polling'
      const opened = await answer(path, offered)
      expect(opened).to.match(/^200 0\{"sid":"/)
      const { sid } = asObject(JSON.parse(opened.slice('200 0'.length)))
      const post = { method: 'POST', body: '40', 'content-type': 'text/plain' }
      expect(await answer(`${path}&sid=${String(sid)}`, offered, post)).to.equal('200 ok')
    })

    it(`is ignored on all other paths: ${offered}`, async () => {
      expect(await answer('/', offered)).to.equal('426 this port serves only WebSocket and Socket.IO\n')
    })
  }

  for (const offered of ['websocket', 'WebSocket', 'h2c, websocket', 'websocket,h2c']) {
    it(`is accepted if WebSocket is among them: ${offered}`, async () => {
      expect(await answer('/', offered, webSocket)).to.equal('101 websocket')
      expect(await answer('/socket.io/?EIO=4&transport=websocket', offered, webSocket)).to.equal('101 websocket')
    })
  }
})
