import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { expect } from 'chai'
import { WebSocket, WebSocketServer } from 'ws'
import { asObject } from '../../../../src/kube/client/parse.ts'
import { Metrics } from '../../../../src/metrics/registry.ts'
import { Hub } from '../../../../src/realtime/hub.ts'
import { serveRawSocket } from '../../../../src/realtime/transports/websocket.ts'
import { samplesOf } from '../../../objects/samples.ts'
import { HandClock } from '../../../observe/clock.ts'
import { eventually } from '../../../observe/eventually.ts'

const repository = `owner/${'r'.repeat(100)}`
const present = (jobs: number) =>
  Array.from({ length: jobs }, (_, index) => ({
    event: 'job:status' as const,
    jobId: `job-${index}`,
    repository,
    status: 'running' as const,
    sequence: 3,
    reason: null,
    owner: { is: 'nobody' as const },
  }))

describe('a raw WebSocket', () => {
  let server: WebSocketServer
  let hub: Hub
  let metrics: Metrics
  let jobs = 0

  beforeEach(async () => {
    metrics = new Metrics({ clock: new HandClock(), version: '1' })
    hub = new Hub({ clock: new HandClock(), metrics: metrics.realtime, current: () => present(jobs) })
    server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
    server.on('connection', (socket) => serveRawSocket(socket, hub, { mayList: true, scope: { is: 'all' } }))
    await once(server, 'listening')
  })
  afterEach(() => {
    for (const socket of server.clients) socket.terminate()
    server.close()
  })

  /** A client, and the server's end of its connection. */
  async function connect(): Promise<{ client: WebSocket; served: WebSocket }> {
    const { port } = portOf(server)
    const known = new Set(server.clients)
    const client = new WebSocket(`ws://127.0.0.1:${port}/`)
    await once(client, 'open')
    const served = [...server.clients].find((socket) => !known.has(socket))
    if (served === undefined) throw new Error('the server has no such client')
    return { client, served }
  }

  async function subscribe(client: WebSocket, data: unknown): Promise<void> {
    client.send(JSON.stringify({ event: 'subscribe:repository', data }))
    client.ping()
    await once(client, 'pong')
  }

  /** All later messages to a client. */
  function listen(client: WebSocket): Record<string, unknown>[] {
    const received: Record<string, unknown>[] = []
    client.on('message', (data) => received.push(asObject(JSON.parse(Buffer.isBuffer(data) ? data.toString() : ''))))
    return received
  }

  it('that sends no JSON object gets an error, and stays open', async () => {
    const { client } = await connect()
    const received = listen(client)
    for (const text of ['{', '', '7', 'null', '"text"', '[]']) client.send(text)
    await subscribe(client, repository)
    const error = 'a message must be a JSON object with event and data'
    const unknown = 'unknown event: use subscribe:repository or unsubscribe:repository'
    const errors = received.map(({ event, data }) => [event, asObject(data)['error']])
    expect(errors).to.deep.equal([...Array.from({ length: 5 }, () => ['error', error]), ['error', unknown]])
    for (const event of present(1)) hub.publish(event)
    await eventually(() => received.length === 7, { what: 'the client to receive the job event' })
  })

  it('that sends binary in place of text is closed with 1003, and no other one', async () => {
    const [bytes, other] = [await connect(), await connect()]
    const closed = once(bytes.client, 'close')
    bytes.client.send(Buffer.from(JSON.stringify({ event: 'subscribe:repository', data: repository })))
    expect((await closed)[0]).to.equal(1003)
    await subscribe(other.client, repository)
    expect(hub.clients).to.equal(1)
  })

  it('that subscribes ten thousand times gets the allowed number, and others are unaffected', async () => {
    const [greedy, other] = [await connect(), await connect()]
    const [refusals, received] = [listen(greedy.client), listen(other.client)]
    for (let count = 0; count < 10_000; count += 1) {
      greedy.client.send(JSON.stringify({ event: 'subscribe:repository', data: `owner/repo-${count}` }))
    }
    await subscribe(other.client, repository)
    for (const event of present(1)) hub.publish(event)
    await eventually(() => received.length === 1, { what: 'the other to receive the job event' })
    await eventually(() => refusals.length === 9000, { what: '9,000 refusals' })
    const texts = new Set(refusals.map(({ data }) => asObject(data)['error']))
    expect([...texts]).to.deep.equal(['too many subscriptions: at most 1000 repositories per client'])
    expect(greedy.served.readyState).to.equal(WebSocket.OPEN)
  })

  it('that does not read is closed with 1013, and the others receive all', async () => {
    const [slow, quick] = [await connect(), await connect()]
    for (const { client } of [slow, quick]) await subscribe(client, repository)
    let received = 0
    quick.client.on('message', () => (received += 1))
    const code = new Promise<number>((resolve) => slow.client.once('close', resolve))
    slow.client.pause()
    const [event] = present(1)
    if (event === undefined) throw new Error('no event')
    for (let published = 1000; slow.served.readyState === WebSocket.OPEN; published += 1000) {
      expect(published, 'events that wait for a client').to.be.below(1_000_000)
      for (let index = 0; index < 1000; index += 1) hub.publish(event)
      await eventually(() => received === published, { what: `the other to receive ${published} events` })
    }
    slow.client.resume()
    expect(await code).to.equal(1013)
    expect(quick.served.readyState).to.equal(WebSocket.OPEN)
    const samples = samplesOf(await metrics.text())
    const count = (name: string) => samples.get(`github_runnerhub_realtime_${name}{transport="websocket"}`)
    expect(count('cut_off_total')).to.equal(1)
    expect(count('messages_sent_total'), 'messages').to.be.at.least(received)
  })

  it('that asks for a snapshot with much unread gets it as soon as it reads again', async () => {
    jobs = 3
    const { client, served } = await connect()
    await subscribe(client, repository)
    const [event] = present(1)
    if (event === undefined) throw new Error('no event')
    client.pause()
    for (let published = 0; served.bufferedAmount < 512 * 1024; published += 1) {
      expect(published, 'events that wait for a client').to.be.below(1_000_000)
      hub.publish(event)
      if (published % 100 === 0) await setImmediate()
    }
    client.send(JSON.stringify({ event: 'subscribe:repository', data: { repository, snapshot: true } }))
    await once(served, 'message')
    let hasSnapshot = false
    client.on('message', (data) => (hasSnapshot ||= Buffer.isBuffer(data) && data.includes('job:snapshot')))
    client.resume()
    await eventually(() => hasSnapshot, { what: 'the snapshot', withinMs: 5000 })
  })

  it('gets a complete snapshot of 100,000 jobs, and then the events since its begin', async function () {
    this.timeout('30s')
    jobs = 100_000
    const { client } = await connect()
    const received: string[] = []
    let last = false
    client.on('message', (data) => {
      const { event, data: payload } = asObject(JSON.parse(Buffer.isBuffer(data) ? data.toString() : ''))
      const { jobs: some, last: isLast, jobId } = asObject(payload)
      if (event !== 'job:snapshot') received.push(`${last ? 'after' : 'amid'} ${String(jobId)}`)
      else if (Array.isArray(some)) for (const job of some) received.push(String(asObject(job)['jobId']))
      last ||= isLast === true
    })
    client.send(JSON.stringify({ event: 'subscribe:repository', data: { all: true, snapshot: true } }))
    await eventually(() => received.length > 0, { what: 'the snapshot to begin' })
    for (const event of present(1)) hub.publish({ ...event, jobId: 'news' })
    await eventually(() => received.length > jobs, { what: 'all messages', withinMs: 20_000 })
    expect(received).to.deep.equal([...present(jobs).map(({ jobId }) => jobId), 'after news'])
  })
})

function portOf(server: WebSocketServer): AddressInfo {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address
}
