import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { expect } from 'chai'
import type { Server as IoServer } from 'socket.io'
import { io, type Socket } from 'socket.io-client'
import { WebSocket } from 'ws'
import { Connections } from '../../../../src/realtime/connections.ts'
import { uncounted } from '../../../../src/realtime/counters.ts'
import { Hub } from '../../../../src/realtime/hub.ts'
import type { JobEvent } from '../../../../src/realtime/job-events.ts'
import { serveSocketIo } from '../../../../src/realtime/transports/socket-io.ts'
import { RecordedLog } from '../../../documents/recorded-log.ts'
import { HandClock } from '../../../observe/clock.ts'
import { eventually } from '../../../observe/eventually.ts'

const repository = `owner/${'r'.repeat(100)}`
const jobEvent: JobEvent = {
  event: 'job:status',
  jobId: 'job',
  repository,
  status: 'running',
  sequence: 3,
  reason: null,
  owner: { is: 'nobody' },
}

describe('Socket.IO', () => {
  let server: Server
  let served: IoServer
  let hub: Hub
  let cutOff: number
  let url: string
  const clients: Socket[] = []

  beforeEach(async () => {
    const clock = new HandClock()
    cutOff = 0
    hub = new Hub({ clock, current: () => [], metrics: { ...uncounted, cutOff: () => (cutOff += 1) } })
    const admit = () => Promise.resolve({ is: 'admitted', caller: 'a', mayList: true, scope: { is: 'all' } } as const)
    const connections = new Connections({ admit, clock, log: new RecordedLog(), everyMs: 60_000, mostPerCaller: 9 })
    server = createServer()
    served = serveSocketIo(server, hub, { enter: admit, connections })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    url = `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
  })
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close()
    served.disconnectSockets(true)
    server.closeAllConnections()
    await served.close()
  })

  async function connect(): Promise<Socket> {
    const client = io(`ws://${url}`, { transports: ['websocket'], reconnection: false, forceNew: true })
    clients.push(client)
    await new Promise((resolve, reject) =>
      client.once('connect', () => resolve(undefined)).once('connect_error', reject),
    )
    return client
  }

  const subscribe = (client: Socket): Promise<unknown> => client.emitWithAck('subscribe:repository', repository)

  /** A client with its own implementation of the protocol, so that it can stop reading; over WebSocket at once or later. */
  async function connectByHand(first: 'websocket' | 'polling'): Promise<WebSocket> {
    const endpoint = `${url}/socket.io/?EIO=4&transport=`
    let socket: WebSocket
    if (first === 'websocket') {
      socket = new WebSocket(`ws://${endpoint}websocket`)
      await once(socket, 'message')
    } else {
      const opened = await (await fetch(`http://${endpoint}polling`)).text()
      const [, sid = ''] = /"sid":"([^"]+)"/.exec(opened) ?? []
      socket = new WebSocket(`ws://${endpoint}websocket&sid=${sid}`)
      await once(socket, 'open')
      socket.send('2probe')
      await once(socket, 'message')
      socket.send('5')
    }
    socket.send('40')
    await once(socket, 'message')
    socket.send(`42${JSON.stringify(['subscribe:repository', repository])}`)
    socket.send(`420${JSON.stringify(['subscribe:repository', repository])}`)
    await once(socket, 'message')
    return socket
  }

  for (const first of ['websocket', 'polling'] as const) {
    it(`cuts off a client that does not read, connected by ${first}, and the others receive all`, async function () {
      this.timeout('30s')
      const slow = await connectByHand(first)
      const quick = await connect()
      await subscribe(quick)
      let received = 0
      quick.on('job:status', () => (received += 1))
      slow.pause()
      for (let published = 500; hub.clients === 2; published += 500) {
        expect(published, 'events that wait for a client').to.be.below(1_000_000)
        for (let index = 0; index < 500; index += 1) hub.publish(jobEvent)
        await eventually(() => received === published, { what: `the other to receive ${published} events` })
      }
      expect([cutOff, hub.clients]).to.deep.equal([1, 1])
      slow.resume()
      await once(slow, 'close')
      expect(quick.connected).to.equal(true)
    })
  }

  it('ends a connection that sends a megabyte, and no other one', async () => {
    const [big, other] = [await connect(), await connect()]
    const ended = new Promise((resolve) => big.once('disconnect', resolve))
    big.emit('subscribe:repository', 'x'.repeat(1024 * 1024))
    await ended
    expect(await subscribe(other)).to.deep.equal({ repository })
    await eventually(() => hub.clients === 1, { what: 'the connection to be forgotten' })
  })

  it('acknowledges events without data, and with too much', async () => {
    const client = await connect()
    const refused = { error: 'repository must be owner/repo' }
    expect(await client.emitWithAck('subscribe:repository')).to.deep.equal(refused)
    expect(await client.emitWithAck('subscribe:repository', repository, 'more')).to.deep.equal({ repository })
  })

  it('survives ten thousand subscriptions of one client: it gets the allowed number, and others are unaffected', async () => {
    const [greedy, other] = [await connect(), await connect()]
    const most = 1000
    const answers = await Promise.all(
      Array.from(
        { length: 10 * most },
        (_, index): Promise<unknown> => greedy.emitWithAck('subscribe:repository', `owner/repo-${index}`),
      ),
    )
    const refused = answers.filter((answer) => typeof answer === 'object' && answer !== null && 'error' in answer)
    expect(refused).to.have.length(9 * most)
    await subscribe(other)
    const received = new Promise((resolve) => other.once('job:status', resolve))
    hub.publish(jobEvent)
    expect(await received).to.deep.equal({ jobId: 'job', repository, status: 'running' })
  })
})
