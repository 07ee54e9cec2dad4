import { once } from 'node:events'
import { expect } from 'chai'
import { WebSocket, WebSocketServer } from 'ws'
import { PingTimer } from '../../../../src/realtime/transports/websocket.ts'
import { HandClock } from '../../../observe/clock.ts'

const EVERY = 30_000

describe('idle connections', () => {
  let clock: HandClock
  let heartbeat: PingTimer
  let server: WebSocketServer

  beforeEach(async () => {
    clock = new HandClock()
    heartbeat = new PingTimer(clock, EVERY)
    server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
    server.on('connection', (socket) => heartbeat.watch(socket))
    await once(server, 'listening')
    heartbeat.start()
  })
  afterEach(() => {
    heartbeat.stop()
    for (const socket of server.clients) socket.terminate()
    server.close()
  })

  /** A client, and the server's end of its connection. */
  async function connect(options: { autoPong: boolean }): Promise<{ client: WebSocket; served: WebSocket }> {
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const known = new Set(server.clients)
    const client = new WebSocket(`ws://127.0.0.1:${port}/`, options)
    await once(client, 'open')
    const served = [...server.clients].find((socket) => !known.has(socket))
    if (served === undefined) throw new Error('the server has no such client')
    return { client, served }
  }

  it('that never respond end after two pings, and others stay open', async () => {
    const [dead, alive] = [await connect({ autoPong: false }), await connect({ autoPong: true })]
    const ended = once(dead.client, 'close')
    const round = async (): Promise<void> => {
      const answered = once(alive.served, 'pong')
      await clock.advance(EVERY)
      await answered
    }
    await round()
    await round()
    expect(dead.served.readyState, 'two pings may be missed').to.equal(WebSocket.OPEN)
    await round()
    expect((await ended)[0], 'the code of a broken connection').to.equal(1006)
    for (let count = 0; count < 5; count += 1) await round()
    expect([alive.client.readyState, alive.served.readyState]).to.deep.equal([WebSocket.OPEN, WebSocket.OPEN])
  })

  it('that respond late have not missed a ping', async () => {
    const { client, served } = await connect({ autoPong: false })
    for (let count = 0; count < 4; count += 1) {
      await clock.advance(2 * EVERY)
      const answered = once(served, 'pong')
      client.pong()
      await answered
    }
    expect(served.readyState).to.equal(WebSocket.OPEN)
  })

  it('get no pings after the server stops', async () => {
    const { client } = await connect({ autoPong: true })
    let pings = 0
    client.on('ping', () => (pings += 1))
    heartbeat.stop()
    await clock.advance(10 * EVERY)
    expect([pings, clock.timers]).to.deep.equal([0, 0])
  })
})
