import type { Server as HttpServer } from 'node:http'
import { Server, type Socket } from 'socket.io'
import type { Admit } from './admission.ts'
import { Feed } from './feed.ts'
import type { Client, Hub } from './hub.ts'
import { BadMessage } from './subscription.ts'

/** Packets that may wait for a client: enough for a snapshot to pause, and so many that it is cut off. */
const waitingPackets = { full: 20, overfull: 2000 }

export const SOCKET_IO_PATH = '/socket.io/'

/** How long a connection may take to show its token: until then anybody can open one, and it costs some 10 KB. */
const HANDSHAKE_MS = 5000

export interface SocketIoOptions {
  admit: Admit
  handshakeMs?: number | undefined
  corsOrigins?: readonly string[] | undefined
}

/** Serves Socket.IO v4 on the same port and with the same events as raw WebSockets. */
export function serveSocketIo(
  server: HttpServer,
  hub: Hub,
  { admit, handshakeMs = HANDSHAKE_MS, corsOrigins }: SocketIoOptions,
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
  io.use((socket, next) => {
    const judge = async (): Promise<void> => next(await refusalOf(socket, admit))
    void judge()
  })
  io.on('connection', (socket) => serve(socket, hub))
  return io
}

/** Why a connection is refused; undefined where it is not. */
async function refusalOf({ handshake }: Socket, admit: Admit): Promise<Error | undefined> {
  const { token } = Object.fromEntries(Object.entries(handshake.auth))
  try {
    const isAdmitted = await admit(handshake.headers, typeof token === 'string' ? token : undefined)
    return isAdmitted ? undefined : new Error('a valid bearer token is required')
  } catch {
    return new Error('the token cannot be judged now, try again')
  }
}

function serve(socket: Socket, hub: Hub): void {
  const feed = new Feed({
    write: ({ event, payload }) => void socket.emit(event, payload),
    isFull: () => waiting(socket) > waitingPackets.full,
    isOverfull: () => waiting(socket) > waitingPackets.overfull,
    cutOff: () => socket.disconnect(true),
  })
  socket.conn.on('drain', () => feed.drained())
  hub.join(feed)
  socket.on('disconnect', () => hub.leave(feed))
  socket.onAny((event: unknown, data: unknown, acknowledge: unknown) => {
    const answer = receive(feed, hub, [event, data])
    if (isCallback(acknowledge)) acknowledge(answer)
    else if ('error' in answer) socket.emit('error', answer)
  })
}

function receive(
  client: Client,
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

/** Socket.IO appends it where the client asks for an acknowledgement. */
function isCallback(value: unknown): value is (answer: unknown) => void {
  return typeof value === 'function'
}

function waiting(socket: Socket): number {
  const writeBuffer: unknown = Reflect.get(socket.conn, 'writeBuffer')
  return Array.isArray(writeBuffer) ? writeBuffer.length : 0
}
