import type { Server as HttpServer } from 'node:http'
import { Server, type Socket } from 'socket.io'
import type { Admitted, Enter, EntryDecision, Handshake } from '../admission.ts'
import { type Connections, TOO_MANY } from '../connections.ts'
import { counted } from '../counters.ts'
import { Feed } from '../feed.ts'
import type { Subscriber, Hub, SubscriberRights } from '../hub.ts'
import { BadMessage } from '../messages.ts'
import type { Sink } from '../sink.ts'

/** Limits of packets that wait for a client: a snapshot pauses, and the client is cut off. */
const waitingPackets = { full: 20, overfull: 2000 }

export const SOCKET_IO_PATH = '/socket.io/'

/** How long a connection may take to send its token: until then anyone can hold one, at about 10 KB each. */
const HANDSHAKE_MS = 5000

export interface SocketIoOptions {
  enter: Enter
  connections: Connections
  handshakeMs?: number | undefined
  corsOrigins?: readonly string[] | undefined
}

/** Serves Socket.IO v4 on the same port and with the same events as raw WebSockets. */
export function serveSocketIo(
  server: HttpServer,
  hub: Hub,
  { enter, connections, handshakeMs = HANDSHAKE_MS, corsOrigins }: SocketIoOptions,
): Server {
  const io = new Server(server, {
    path: SOCKET_IO_PATH,
    serveClient: false,
    destroyUpgrade: false,
    maxHttpBufferSize: 64 * 1024,
    connectTimeout: handshakeMs,
    pingInterval: 25_000,
    pingTimeout: 20_000,
    perMessageDeflate: false,
    httpCompression: false,
    ...(corsOrigins !== undefined && { cors: { origin: corsOrigins.includes('*') ? '*' : [...corsOrigins] } }),
  })
  const decisions = new WeakMap<Socket, EntryDecision>()
  io.use((socket, next) => {
    const authorise = async (): Promise<void> => {
      const decision = await enter(handshakeOf(socket)).catch(() => undefined)
      // Clients reconnect after a broken connection, but not after a refusal.
      if (decision === undefined || decision.is === 'overloaded') socket.conn.close()
      else decisions.set(socket, decision)
      next(refusalOf(decision, connections))
    }
    void authorise()
  })
  io.on('connection', (socket) => {
    const admitted = decisions.get(socket)
    if (admitted?.is === 'admitted') welcome(socket, admitted)
    else socket.disconnect(true)
  })
  function welcome(socket: Socket, admitted: Admitted): void {
    const close = (_code: number, reason: string): void => {
      socket.emit('error', { error: reason })
      socket.disconnect(true)
    }
    const leave = connections.receive({ handshake: handshakeOf(socket), admitted, close })
    if (leave === undefined) return
    socket.on('disconnect', leave)
    serve(socket, hub, admitted)
  }
  return io
}

function handshakeOf({ handshake, conn }: Socket): Handshake {
  const { token } = Object.fromEntries(Object.entries(handshake.auth))
  const { headers } = handshake
  return { headers, address: conn.remoteAddress, token: typeof token === 'string' ? token : undefined }
}

/** Why a connection is refused; undefined if it is admitted. */
function refusalOf(decision: EntryDecision | undefined, connections: Connections): Error | undefined {
  switch (decision?.is) {
    case undefined:
      return new Error('connections cannot be authorised now, try again')
    case 'unknown':
      return new Error('a valid bearer token is required')
    case 'forbidden':
      return new Error('this requires permission to watch runnerjobs')
    case 'tooMany':
      return new Error('too many refused connections from this address, try again later')
    case 'overloaded':
      return new Error('too much work at this moment, try again shortly')
    case 'admitted':
      return connections.hasRoom(decision) ? undefined : new Error(`${TOO_MANY}, try again later`)
    default:
      return decision satisfies never
  }
}

function serve(socket: Socket, hub: Hub, rights: SubscriberRights): void {
  const sink: Sink = {
    write: ({ event, payload }) => void socket.emit(event, payload),
    isFull: () => waiting(socket) > waitingPackets.full,
    isOverfull: () => waiting(socket) > waitingPackets.overfull,
    cutOff: () => socket.disconnect(true),
  }
  const feed = new Feed(counted(sink, hub.metrics, 'socketio'))
  socket.conn.on('drain', () => feed.drained())
  hub.join(feed, rights)
  hub.metrics.joined('socketio')
  socket.on('disconnect', () => {
    hub.leave(feed)
    hub.metrics.left('socketio')
  })
  socket.onAny((event: unknown, ...args: unknown[]) => {
    const acknowledge = args.at(-1)
    const reply = receive(feed, hub, [event, args[0]])
    if (isCallback(acknowledge)) acknowledge(reply)
    else if ('error' in reply) socket.emit('error', reply)
  })
}

function receive(
  client: Subscriber,
  hub: Hub,
  [event, data]: [unknown, unknown],
): { repository: string } | { error: string } {
  try {
    return hub.receive(client, event, data)
  } catch (error) {
    if (error instanceof BadMessage) return { error: error.message }
    throw error
  }
}

/** Socket.IO appends a callback if the client asks for an acknowledgement. */
function isCallback(value: unknown): value is (reply: unknown) => void {
  return typeof value === 'function'
}

function waiting(socket: Socket): number {
  const writeBuffer: unknown = Reflect.get(socket.conn, 'writeBuffer')
  return Array.isArray(writeBuffer) ? writeBuffer.length : 0
}
