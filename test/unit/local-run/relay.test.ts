import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect } from 'chai'
import { type Relay, relay, type Target } from '../../../config/local/run.d/relay.ts'

describe('the relay of a port', () => {
  let stop: AbortController
  let echo: Server
  let target: Target
  let relayed: Relay
  /** Returns the target of each connection. */
  let find: () => Promise<Target>

  beforeEach(async () => {
    stop = new AbortController()
    echo = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => undefined)
      socket.pipe(socket)
    }).listen(0, '127.0.0.1')
    await once(echo, 'listening')
    const address = echo.address()
    target = { host: '127.0.0.1', port: typeof address === 'object' && address !== null ? address.port : 0 }
    find = async () => target
    relayed = await relay({ port: 0, target: () => find() }, stop.signal)
  })
  afterEach(async () => {
    stop.abort(new Error('stopped'))
    await relayed.closed
    echo.close()
  })

  async function open(): Promise<Socket> {
    const socket = connect({ port: relayed.port, host: '127.0.0.1', allowHalfOpen: true })
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    return socket
  }

  async function echoed(socket: Socket, sent: string): Promise<string> {
    const answer = once(socket, 'data')
    socket.write(sent)
    return String((await answer)[0])
  }

  it('forwards the bytes of each side, and its end', async () => {
    const socket = await open()
    expect(await echoed(socket, 'hello')).to.equal('hello')
    socket.end('last')
    expect(await text(socket)).to.equal('last')
  })

  it('stays open for other connections when a client resets its own', async () => {
    const staying = await open()
    await echoed(staying, 'there')
    for (let count = 0; count < 20; count += 1) {
      const leaving = await open()
      leaving.write('bye')
      leaving.resetAndDestroy()
      expect(await echoed(await open(), 'new')).to.equal('new')
    }
    expect(await echoed(staying, 'still there')).to.equal('still there')
  })

  it('lets a connection wait until there is a target', async () => {
    const { promise, resolve } = Promise.withResolvers<Target>()
    find = () => promise
    const waiting = await open()
    const answer = echoed(waiting, 'early')
    resolve(target)
    expect(await answer).to.equal('early')
  })

  it('ends only the connection whose target cannot be reached', async () => {
    find = async () => ({ host: '127.0.0.1', port: 1 })
    const refused = await open()
    expect(await text(refused)).to.equal('')
    find = async () => target
    expect(await echoed(await open(), 'next')).to.equal('next')
  })

  it('closes with the signal, and all connections with it', async () => {
    const socket = await open()
    await echoed(socket, 'there')
    stop.abort(new Error('stopped'))
    await Promise.all([text(socket), relayed.closed])
    const late = connect(relayed.port, '127.0.0.1')
    const code = new Promise((resolve) => late.once('error', (error: NodeJS.ErrnoException) => resolve(error.code)))
    expect(await code).to.equal('ECONNREFUSED')
  })
})
