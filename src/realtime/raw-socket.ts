import { WebSocket } from 'ws'
import type { Client, Hub } from './hub.ts'
import { type Message, messageOf } from './message.ts'
import { BadMessage } from './subscription.ts'

/** Bytes that may wait for a client that does not read, before it is cut off. */
const MOST_BUFFERED = 1024 * 1024

/** Close codes of RFC 6455 and its registry. */
export const closeCodes = { goingAway: 1001, unsupported: 1003, policy: 1008, tryAgainLater: 1013 } as const

/** Speaks the raw protocol with one WebSocket: `{"event", "data"}` as text, both ways. */
export function serveRawSocket(socket: WebSocket, hub: Hub): void {
  const client: Client = { send: (message) => send(socket, message) }
  hub.join(client)
  socket.on('close', () => hub.leave(client))
  // ws itself ends a connection that broke, and says why; ended here, it would be reset before that is read.
  socket.on('error', () => undefined)
  socket.on('message', (data, isBinary) => {
    // What had arrived before the connection was cut off is still handed on.
    if (socket.readyState !== WebSocket.OPEN) return
    if (isBinary || !Buffer.isBuffer(data)) {
      socket.close(closeCodes.unsupported, 'text frames only')
      return
    }
    send(socket, answer(client, hub, data.toString('utf8')))
  })
}

function send(socket: WebSocket, message: Message | undefined): void {
  if (message === undefined || socket.readyState !== WebSocket.OPEN) return
  if (socket.bufferedAmount > MOST_BUFFERED) {
    socket.close(closeCodes.tryAgainLater, 'too slow')
    // It does not read, so it would not answer the close either.
    socket.terminate()
    return
  }
  socket.send(message.text)
}

function answer(client: Client, hub: Hub, text: string): Message | undefined {
  try {
    const { event, data: content } = parse(text)
    hub.receive(client, event, content)
    return undefined
  } catch (error) {
    if (error instanceof BadMessage) return messageOf('error', { error: error.message })
    throw error
  }
}

function parse(text: string): { event?: unknown; data?: unknown } {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value
  } catch {
    // Told below.
  }
  throw new BadMessage('a message must be a JSON object with event and data')
}
