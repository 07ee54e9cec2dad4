import { io } from 'socket.io-client'
import { WebSocket } from 'ws'
import { asObject } from '../../../src/kube/client/parse.ts'

/** A message as the client received it. */
export interface Received {
  event: string
  data: Record<string, unknown>
}

/** A client of either protocol that records its messages. */
export interface Listener {
  name: string
  received: Received[]
  /** Sends an event; resolves once the server has handled it. */
  send(event: string, data: unknown): Promise<void>
  /** Close code of a raw socket, once it is closed. */
  closed: Promise<number>
  close(): void
}

/** Opens a raw WebSocket. */
export async function rawListener(url: string, options: { token?: string; protocols?: string[] }): Promise<Listener> {
  const headers = options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }
  const socket = new WebSocket(url, options.protocols ?? [], { headers })
  const received: Received[] = []
  const closed = new Promise<number>((resolve) => socket.on('close', resolve))
  socket.on('message', (data) => {
    const { event, data: content } = asObject(JSON.parse(Buffer.isBuffer(data) ? data.toString() : ''))
    received.push({ event: String(event), data: asObject(content) })
  })
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  return {
    name: 'raw WebSocket',
    received,
    closed,
    async send(event, data) {
      socket.send(JSON.stringify({ event, data }))
      // Frames are handled in order: the pong means that the earlier frames are handled.
      const answered = new Promise((resolve) => socket.once('pong', resolve))
      socket.ping()
      await answered
    },
    close: () => socket.terminate(),
  }
}

/** Opens a Socket.IO connection over one transport, with a token in its handshake or a header. */
export async function socketIoListener(
  url: string,
  options: { token?: string; header?: string; transport: 'websocket' | 'polling' },
) {
  const auth = options.token === undefined ? {} : { token: options.token }
  const extraHeaders = options.header === undefined ? {} : { authorization: options.header }
  const transports = [options.transport]
  const socket = io(url, { auth, extraHeaders, transports, reconnection: false, forceNew: true })
  const received: Received[] = []
  socket.onAny((event: string, data: unknown) => received.push({ event, data: asObject(data) }))
  const closed = new Promise<number>((resolve) => socket.on('disconnect', () => resolve(0)))
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', () => resolve())
    socket.once('connect_error', (error) => {
      socket.close()
      reject(error)
    })
  })
  const listener: Listener = {
    name: `Socket.IO over ${options.transport}`,
    received,
    closed,
    send: async (event, data) => void (await socket.timeout(5000).emitWithAck(event, data)),
    close: () => void socket.close(),
  }
  return listener
}
