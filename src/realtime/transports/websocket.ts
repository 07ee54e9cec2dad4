import { WebSocket } from 'ws'
import type { Clock } from '../../kube/runtime/clock.ts'
import { counted } from '../counters.ts'
import { Feed } from '../feed.ts'
import type { Hub, SubscriberRights } from '../hub.ts'
import { BadMessage, type Message, messageOf } from '../messages.ts'
import type { Sink } from '../sink.ts'
import { closeCodes } from './close-codes.ts'

/** Limits of bytes that wait for a client: a snapshot pauses, and the client is cut off. */
const buffered = { full: 256 * 1024, overfull: 1024 * 1024 }

/** Serves the raw protocol on one WebSocket: `{"event", "data"}` as text, both ways. The caller handles its errors. */
export function serveRawSocket(socket: WebSocket, hub: Hub, rights: SubscriberRights): void {
  const feed = feedOf(socket, hub)
  hub.join(feed, rights)
  hub.metrics.joined('websocket')
  socket.on('close', () => {
    hub.leave(feed)
    hub.metrics.left('websocket')
  })
  socket.on('message', (data, isBinary) => {
    // Frames that arrived before the connection was cut off are still delivered here.
    if (socket.readyState !== WebSocket.OPEN) return
    if (isBinary || !Buffer.isBuffer(data)) {
      socket.close(closeCodes.unsupported, 'text frames only')
      return
    }
    const error = receive(feed, hub, data.toString('utf8'))
    if (error !== undefined) feed.send(error)
  })
}

function feedOf(socket: WebSocket, { metrics }: Hub): Feed {
  const sink: Sink = {
    write: ({ bytes }) => {
      if (socket.readyState !== WebSocket.OPEN) return
      // A paused snapshot continues when the last unread message is sent: that send needs a callback.
      const isMuch = socket.bufferedAmount + bytes.length > buffered.full / 2
      if (feed.isPausing || isMuch) socket.send(bytes, { binary: false }, () => feed.drained())
      else socket.send(bytes, { binary: false })
    },
    isFull: () => socket.bufferedAmount > buffered.full,
    isOverfull: () => socket.bufferedAmount > buffered.overfull,
    // closeTimeout of the server ends a connection whose client does not read the close frame either.
    cutOff: () => socket.close(closeCodes.tryAgainLater, 'too slow'),
  }
  const feed = new Feed(counted(sink, metrics, 'websocket'))
  return feed
}

function receive(feed: Feed, hub: Hub, text: string): Message | undefined {
  try {
    const { event, data: content } = parse(text)
    hub.receive(feed, event, content)
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
    // Rejected below.
  }
  throw new BadMessage('a message must be a JSON object with event and data')
}

/** Unanswered pings before a connection counts as dead. */
const MOST_MISSED = 2

/** Pings idle connections and terminates dead ones. */
export class PingTimer {
  readonly #clock: Clock
  readonly #everyMs: number
  readonly #missed = new Map<WebSocket, number>()
  #cancel: () => void = () => undefined

  constructor(clock: Clock, everyMs: number) {
    this.#clock = clock
    this.#everyMs = everyMs
  }

  watch(socket: WebSocket): void {
    this.#missed.set(socket, 0)
    socket.on('pong', () => this.#missed.set(socket, 0))
    socket.on('close', () => this.#missed.delete(socket))
  }

  start(): void {
    this.#cancel = this.#clock.setTimer(() => {
      for (const [socket, missed] of this.#missed) this.#ping(socket, missed)
      this.start()
    }, this.#everyMs)
  }

  stop(): void {
    this.#cancel()
  }

  #ping(socket: WebSocket, missed: number): void {
    if (missed >= MOST_MISSED) {
      socket.terminate()
      return
    }
    this.#missed.set(socket, missed + 1)
    socket.ping()
  }
}
