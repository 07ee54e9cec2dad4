import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import * as fc from 'fast-check'
import { WebSocket } from 'ws'
import { asObject } from '../../../src/kube/client/parse.ts'
import { Hub } from '../../../src/realtime/hub.ts'
import { BadMessage } from '../../../src/realtime/messages.ts'
import { makeRealtime, type Realtime } from '../../../src/realtime/server.ts'
import { RecordedLog } from '../../documents/recorded-log.ts'
import { FilledCaches } from '../../objects/stores.ts'
import { HandClock } from '../../observe/clock.ts'
import { eventually } from '../../observe/eventually.ts'

const names = ['subscribe:repository', 'unsubscribe:repository', 'job:status', 'error', '__proto__', '']
const repository = fc.oneof(
  fc.stringMatching(/^[\w.-]{0,8}\/[\w./-]{0,8}$/),
  fc.string({ unit: 'binary' }),
  fc.jsonValue(),
)
const event = fc.oneof(fc.constantFrom(...names), fc.string(), fc.jsonValue())
const flag = fc.oneof(fc.boolean(), fc.jsonValue())
const data = fc.oneof(
  repository,
  fc.jsonValue(),
  fc.record({ repository, all: flag, snapshot: flag }, { requiredKeys: [] }),
  fc.record({ all: fc.boolean(), snapshot: fc.boolean() }, { requiredKeys: [] }),
)
const message = fc.record({ event, data }, { requiredKeys: [] }).map((value) => JSON.stringify(value))
const text = fc.oneof(message, fc.json(), fc.string({ unit: 'binary' }))
const bytes = fc.uint8Array({ maxLength: 2000 })

/** The parts of a Socket.IO packet: type, count of attachments, namespace, number, and JSON. */
const packet = fc.oneof(
  fc.tuple(event, data).map((content) => `42${JSON.stringify(content)}`),
  fc.tuple(event, data).map((content) => `421${JSON.stringify(content)}`),
  fc.tuple(fc.stringMatching(/^4?[0-9]{0,3}(-|\/[a-z]*,)?[0-9]{0,3}$/), fc.json()).map((parts) => parts.join('')),
  text,
  bytes,
)

describe('any message of a realtime client', function () {
  this.timeout('30s')

  it('is handled, or rejected with a reason', () => {
    const client = { send: () => undefined, sendAll: () => undefined }
    fc.assert(
      fc.property(event, data, fc.boolean(), (name, content, mayList) => {
        const hub = new Hub({ clock: new HandClock(), current: () => [] })
        hub.join(client, { mayList, scope: { is: 'all' } })
        try {
          expect(hub.receive(client, name, content).repository).to.match(/^(\*|[\w.-]+\/[\w.-]+)$/)
        } catch (error) {
          if (!(error instanceof BadMessage)) throw error
          expect(error.message.length).to.be.within(1, 100)
        }
      }),
      { numRuns: 2000 },
    )
  })

  describe('at the server:', () => {
    let realtime: Realtime
    let url: string
    let witness: WebSocket

    before(async () => {
      const log = new RecordedLog()
      const { caches } = await new FilledCaches().fill()
      const admit = async () => ({ is: 'admitted', caller: 'a', mayList: true, scope: { is: 'all' } }) as const
      const limits = { reauthoriseMs: 60_000, mostPerCaller: 10_000 }
      realtime = makeRealtime({ caches, admit, clock: new HandClock(), log, ...limits })
      realtime.server.listen(0, '127.0.0.1')
      await once(realtime.server, 'listening')
      const address: AddressInfo | string | null = realtime.server.address()
      url = `ws://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
      witness = await open('/')
    })
    afterEach('other clients are unaffected', async () => {
      witness.ping()
      await soon(witness, 'pong')
    })
    after(async () => {
      witness.terminate()
      await realtime.close()
      realtime.server.closeAllConnections()
      realtime.server.close()
    })

    async function open(path: string): Promise<WebSocket> {
      const socket = new WebSocket(`${url}${path}`)
      await soon(socket, 'open')
      return socket
    }

    /** All messages to a client, as they arrive. */
    function messagesTo(socket: WebSocket): string[] {
      const received: string[] = []
      socket.on('message', (content) => received.push(Buffer.isBuffer(content) ? content.toString() : ''))
      return received
    }

    it('text is handled or answered with an error, and the connection stays open', async () => {
      const socket = await open('/')
      const received = messagesTo(socket)
      await fc.assert(
        fc.asyncProperty(fc.array(text, { maxLength: 5 }), async (frames) => {
          received.length = 0
          for (const frame of frames) socket.send(frame)
          socket.ping()
          await soon(socket, 'pong')
          expect(received.length).to.be.at.most(frames.length)
          for (const answer of received) {
            const { event: name, data: content } = asObject(JSON.parse(answer))
            expect(name).to.be.oneOf(['error', 'job:snapshot'])
            if (name === 'error') expect(asObject(content)['error']).to.be.a('string').and.not.equal('')
          }
        }),
        { numRuns: 300 },
      )
      socket.terminate()
    })

    it('binary frames are answered with 1003', async () => {
      await fc.assert(
        fc.asyncProperty(bytes, async (frame) => {
          const socket = await open('/')
          socket.send(frame)
          expect((await soon(socket, 'close'))[0]).to.equal(1003)
        }),
        { numRuns: 50 },
      )
    })

    it('packets of Socket.IO are answered, or end the connection', async () => {
      const isLeaving = (frame: string | Uint8Array) => typeof frame === 'string' && frame.startsWith('41')
      const packets = fc.array(
        packet.filter((frame) => !isLeaving(frame)),
        { maxLength: 5 },
      )
      let answered = 0
      let ended = 0
      await fc.assert(
        fc.asyncProperty(packets, async (frames) => {
          const socket = await open('/socket.io/?EIO=4&transport=websocket')
          const received = messagesTo(socket)
          const isClosed = () => socket.readyState !== WebSocket.OPEN
          socket.send('40')
          await eventually(() => received.some((answer) => answer.startsWith('40')), {
            what: 'the connection to be accepted',
            everyMs: 5,
          })
          for (const frame of [...frames, '42777["subscribe:repository","owner/repo"]']) socket.send(frame)
          const isAnswered = () => received.includes('43777[{"repository":"owner/repo"}]')
          await eventually(() => isAnswered() || isClosed(), { what: 'a reply, or the end', everyMs: 5 })
          if (isAnswered()) answered += 1
          else ended += 1
          socket.terminate()
        }),
        { numRuns: 100 },
      )
      expect(Math.min(answered, ended), 'of either').to.be.above(0)
    })
  })
})

/** The arguments of an event, which must come within ten seconds. */
async function soon(socket: WebSocket, name: string): Promise<unknown[]> {
  const args: unknown[] = await once(socket, name, { signal: AbortSignal.timeout(10_000) })
  return args
}
