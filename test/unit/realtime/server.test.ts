import { once } from 'node:events'
import type { Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { expect } from 'chai'
import { WebSocket } from 'ws'
import { listen } from '../../../src/http/listen.ts'
import type { Admit } from '../../../src/realtime/admission.ts'
import { makeRealtime } from '../../../src/realtime/server.ts'
import { RecordedLog } from '../../documents/recorded-log.ts'
import { FilledCaches } from '../../objects/stores.ts'
import { HandClock } from '../../observe/clock.ts'
import { eventually } from '../../observe/eventually.ts'

describe('connections of the realtime server', () => {
  let stop: AbortController
  let served: Promise<void>
  let server: Server
  let isOverloaded = false
  const callers: Socket[] = []

  beforeEach(async () => {
    const log = new RecordedLog()
    const { caches } = await new FilledCaches().fill()
    const admit: Admit = async ({ headers }) => {
      if (headers.authorization === 'refused too often') return { is: 'tooMany', leftMs: 1500 }
      if (headers.authorization === 'unclear') throw new Error('the decision failed')
      if (headers.authorization !== undefined)
        return { is: 'admitted', caller: 'a', mayList: true, scope: { is: 'all' } }
      return { is: 'unknown' }
    }
    const limits = { reauthoriseMs: 60_000, mostPerCaller: 9, handshakeMs: 50 }
    const realtime = makeRealtime({
      caches,
      admit,
      clock: new HandClock(),
      log,
      isOverloaded: () => isOverloaded,
      ...limits,
    })
    server = realtime.server
    stop = new AbortController()
    stop.signal.addEventListener('abort', () => void realtime.close(), { once: true })
    served = listen(server, 0, { name: 'realtime', log, signal: stop.signal, drainMs: 50 })
    await once(server, 'listening')
  })
  afterEach(async () => {
    stop.abort()
    for (const caller of callers.splice(0)) caller.destroy()
    await served
  })

  /** Requests a WebSocket and reads the response; neither responds to frames nor closes. */
  async function upgrade(path: string, headers = ''): Promise<string> {
    const caller = connect({ port: portOf(server), host: '127.0.0.1', allowHalfOpen: true })
    caller.on('error', () => {}) // these tests expect to be cut off
    callers.push(caller)
    const key = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
    caller.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${key}${headers}\r\n`)
    const answer: unknown[] = await once(caller, 'data')
    return String(answer[0])
  }

  it('end with the server, even if the client does not respond', async () => {
    for (const path of ['/', '/socket.io/?EIO=4&transport=websocket']) {
      expect(await upgrade(path, 'Authorization: Bearer x\r\n')).to.match(/^HTTP\/1\.1 101 /)
    }
    stop.abort()
    await served
  })

  it('get a close frame with the reason, even if they are still sending', async () => {
    await upgrade('/', 'Authorization: Bearer x\r\n')
    const caller = callers.at(-1)
    if (caller === undefined) throw new Error('no caller')
    let received = Buffer.alloc(0)
    caller.on('data', (bytes: Buffer) => (received = Buffer.concat([received, bytes])))
    // The head of a masked text frame of 8 MiB, and its payload.
    const head = Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0])
    caller.write(Buffer.concat([head, Buffer.alloc(8 * 1024 * 1024)]))
    // A reset, which can overtake the close frame, rejects here.
    await once(caller, 'end')
    expect([received.readUInt8(0), received.readUInt16BE(2)], 'a close frame and its code').to.deep.equal([0x88, 1009])
  })

  /** A masked frame: its first byte, and the payload. The mask is zero. */
  const frame = (first: number, payload: number[] | Buffer): Buffer => {
    const length = payload.length < 126 ? [0x80 + payload.length] : [0xfe, payload.length >> 8, payload.length & 0xff]
    return Buffer.concat([Buffer.from([first, ...length, 0, 0, 0, 0]), Buffer.from(payload)])
  }
  const piece = frame(0x00, Buffer.alloc(32 * 1024, 'x'))
  const hostile: Record<string, [bytes: Buffer, code: number]> = {
    'a frame without a mask': [Buffer.from([0x81, 1, 0x61]), 1002],
    'a reserved kind of frame': [frame(0x83, [0x61]), 1002],
    'a compressed frame': [frame(0xc1, [0x61]), 1002],
    'a ping in fragments': [frame(0x09, []), 1002],
    'a ping of 126 bytes': [frame(0x89, Buffer.alloc(126)), 1002],
    'the middle of a message that has not begun': [frame(0x00, [0x61]), 1002],
    'a reserved code of a close': [frame(0x88, [0x03, 0xed]), 1002],
    'text that is no UTF-8': [frame(0x81, [0xff, 0xfe]), 1007],
    'a message in endless fragments': [Buffer.concat([frame(0x01, [0x61]), piece, piece, piece]), 1009],
    'a frame that claims to be of 8 EiB': [Buffer.from([0x81, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255]), 1009],
  }
  for (const [what, [bytes, code]] of Object.entries(hostile)) {
    it(`are closed with ${code} for ${what}, and others go on`, async () => {
      await upgrade('/', 'Authorization: Bearer x\r\n')
      const [caller, other] = [callers.at(-1), await opened()]
      if (caller === undefined) throw new Error('no caller')
      const answer = once(caller, 'data')
      caller.write(bytes)
      const received = Buffer.concat((await answer).filter((chunk: unknown) => Buffer.isBuffer(chunk)))
      expect([received.readUInt8(0), received.readUInt16BE(2)]).to.deep.equal([0x88, code])
      const pong = once(other, 'pong')
      other.ping()
      await pong
      other.terminate()
    })
  }

  async function opened(): Promise<WebSocket> {
    const socket = new WebSocket(`ws://127.0.0.1:${portOf(server)}`, { headers: { authorization: 'Bearer x' } })
    await once(socket, 'open')
    return socket
  }

  it('over the limit are refused, and their data has no effect', async () => {
    const admitted = 'Authorization: Bearer x\r\n'
    for (let open = 0; open < 9; open += 1) await upgrade('/', admitted)
    expect(await upgrade('/', admitted)).to.match(/^HTTP\/1\.1 101 /)
    const tenth = callers.at(-1)
    if (tenth === undefined) throw new Error('no caller')
    // No frame begins with these.
    tenth.end(Buffer.from([0xff, 0xff, 0xff, 0xff]))
    await once(tenth, 'close')
    expect(await upgrade('/')).to.match(/^HTTP\/1\.1 401 /)
  })

  it('of Socket.IO end if they never send a token', async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${portOf(server)}/socket.io/?EIO=4&transport=websocket`)
    await once(socket, 'close')
  })

  it('are confirmed with another protocol than the token if one was offered', async () => {
    const offering = (protocols: string) =>
      upgrade('/', `Authorization: Bearer x\r\nSec-WebSocket-Protocol: ${protocols}\r\n`)
    const secret = 'runnerhub.bearer.secret'
    for (const protocols of [`${secret}, runnerhub`, `runnerhub, ${secret}`]) {
      const answer = await offering(protocols)
      expect(answer).to.match(/^HTTP\/1\.1 101 /)
      expect(answer).to.include('Sec-WebSocket-Protocol: runnerhub\r\n').and.not.include('secret')
    }
    expect(await offering(secret), 'browsers require one of the offered protocols').to.include(
      `Sec-WebSocket-Protocol: ${secret}\r\n`,
    )
    expect(await upgrade('/', 'Authorization: Bearer x\r\n')).to.not.include('Sec-WebSocket-Protocol')
  })

  it('that may be tried again get Retry-After', async () => {
    const tooOften = await upgrade('/', 'Authorization: refused too often\r\n')
    expect(tooOften).to.match(/^HTTP\/1\.1 429 /)
    expect(tooOften).to.include('\r\nRetry-After: 2\r\n')
    const unclear = await upgrade('/', 'Authorization: unclear\r\n')
    expect(unclear).to.match(/^HTTP\/1\.1 503 /)
    expect(unclear).to.include('\r\nRetry-After: 5\r\n')
  })

  it('are refused with Retry-After while there is too much work, and open ones stay', async () => {
    const admitted = 'Authorization: Bearer x\r\n'
    const before = await opened()
    isOverloaded = true
    try {
      const answer = await upgrade('/', admitted)
      expect(answer).to.match(/^HTTP\/1\.1 503 /)
      expect(answer).to.include('\r\nRetry-After: 2\r\n')
      // Clients of Socket.IO connect again after a broken connection, and never after a refusal.
      const socket = new WebSocket(`ws://127.0.0.1:${portOf(server)}/socket.io/?EIO=4&transport=websocket`)
      socket.once('open', () => socket.send('40'))
      const received: string[] = []
      socket.on('message', (data) => Buffer.isBuffer(data) && received.push(data.toString()))
      await once(socket, 'close')
      expect(received.filter((packet) => packet.startsWith('44'))).to.deep.equal([])
    } finally {
      isOverloaded = false
    }
    const pong = once(before, 'pong')
    before.ping()
    await pong
    before.terminate()
    expect(await upgrade('/', admitted)).to.match(/^HTTP\/1\.1 101 /)
  })

  it('that are refused are closed, even if their clients keep them open', async () => {
    expect(await upgrade('/')).to.match(/^HTTP\/1\.1 401 /)
    await eventually(async () => (await connectionsOf(server)) === 0, { what: 'the connection to end', withinMs: 5000 })
  })
})

function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

function connectionsOf(server: Server): Promise<number> {
  return new Promise((resolve, reject) =>
    server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
  )
}
