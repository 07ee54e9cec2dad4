import { repositoryKey } from '../api/names.ts'
import { createServer, type Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import { type Caches } from '../cluster/caches.ts'
import { waitForSync } from '../cluster/freshness.ts'
import type { Clock } from '../kube/runtime/clock.ts'
import type { Log } from '../kube/runtime/logger.ts'
import { type Admit, type Admitted, TOKEN_PROTOCOL, type AdmissionDecision } from './admission.ts'
import { Connections } from './connections.ts'
import type { RealtimeMetrics } from './counters.ts'
import { Hub } from './hub.ts'
import { JobEvents, type JobEvent } from './job-events.ts'
import { closeCodes } from './transports/close-codes.ts'
import { serveSocketIo, SOCKET_IO_PATH } from './transports/socket-io.ts'
import { PingTimer, serveRawSocket } from './transports/websocket.ts'
import { asksForWebSocket, preferWebSocket } from './upgrades.ts'

/** How often silent connections are asked whether they are still there; one that misses two is closed. */
const PING_MS = 30_000

/** How long a new connection waits for the caches to be filled: less than Socket.IO gives a client to show its token. */
const FILL_MS = 3000

/** The longest message, and how long a client may take to answer that its connection is being closed. */
const limits = { maxPayload: 64 * 1024, closeTimeout: 2000 }

export interface RealtimeOptions {
  caches: Caches
  admit: Admit
  clock: Clock
  log: Log
  /** How often the rights of those who are connected are checked again. */
  reauthoriseMs: number
  mostPerCaller: number
  /** Origins whose scripts browsers may let poll Socket.IO; '*' is all. */
  corsOrigins?: readonly string[] | undefined
  /** How long a Socket.IO connection may take to show its token. */
  handshakeMs?: number
  metrics?: RealtimeMetrics
}

export interface Realtime {
  server: Server
  /** Closes every connection with 1001. */
  close: () => Promise<void>
}

/** The realtime server: raw WebSockets on every path but Socket.IO's, which is served beside. */
export function makeRealtime(options: RealtimeOptions): Realtime {
  const { caches, admit: judge, clock, log, reauthoriseMs, mostPerCaller, metrics, ...socketIo } = options
  const admit = onceFilled(caches, judge)
  const jobEvents = new JobEvents(caches)
  const hub = new Hub({ clock, metrics, current: (repository) => currentEvents(caches, jobEvents, repository) })
  jobEvents.onEvent((event) => hub.publish(event))
  const connections = new Connections({ admit, clock, log, everyMs: reauthoriseMs, mostPerCaller })
  const serverOptions = { connectionsCheckingInterval: 1000, shouldUpgradeCallback: asksForWebSocket }
  const server = createServer(serverOptions, (_request, response) => {
    response.writeHead(426, { Upgrade: 'websocket', 'Content-Type': 'text/plain' }).end('WebSocket or Socket.IO only\n')
  })
  preferWebSocket(server)
  const io = serveSocketIo(server, hub, { admit, guests: connections, ...socketIo })
  const heartbeat = new PingTimer(clock, PING_MS)
  const sockets = new WebSocketServer({ ...limits, noServer: true, perMessageDeflate: false, handleProtocols })
  server.on('upgrade', (request, socket, head) => {
    if (request.url?.startsWith(SOCKET_IO_PATH)) return
    socket.on('error', () => socket.destroy())
    const handshake = { headers: request.headers, address: request.socket.remoteAddress ?? '' }
    admit(handshake).then(
      (decision) => {
        if (decision.is !== 'admitted') {
          refuse(socket, refusalOf(decision))
          return
        }
        sockets.handleUpgrade(request, socket, head, (accepted) => {
          // ws itself ends a connection that broke, and says why; ended here, it would be reset before that is read.
          // Also one that is turned away below can break: unheard, that would end the process.
          accepted.on('error', () => undefined)
          const close = (code: number, reason: string): void => accepted.close(code, reason)
          const leave = connections.receive({ handshake, admitted: decision, close })
          if (leave === undefined) return
          accepted.on('close', leave)
          heartbeat.watch(accepted)
          serveRawSocket(accepted, hub, decision)
        })
      },
      (error: unknown) => {
        log.warn({ err: error }, 'connection refused for now')
        refuse(socket, { status: '503 Service Unavailable', retrySeconds: 5 })
      },
    )
  })
  heartbeat.start()
  return {
    server,
    async close() {
      heartbeat.stop()
      for (const socket of sockets.clients) socket.close(closeCodes.goingAway, 'the server is stopping')
      await io.close()
      sockets.close()
    },
  }
}

/** Who came before the caches are filled would get an empty snapshot, and be told of nothing that happened meanwhile. */
function onceFilled(caches: Caches, admit: Admit): Admit {
  return async (handshake) => {
    const decision = await admit(handshake)
    if (decision.is === 'admitted') await waitForSync(caches, AbortSignal.timeout(FILL_MS))
    return decision
  }
}

/**
 * Browsers want one of those that they offered, and answers stand in the logs of proxies: a token is confirmed only
 * where nothing else was offered.
 */
function handleProtocols(offered: ReadonlySet<string>): string | false {
  const protocols = [...offered]
  return protocols.find((protocol) => !protocol.startsWith(TOKEN_PROTOCOL)) ?? protocols[0] ?? false
}

/** An answer other than a WebSocket. */
interface Refusal {
  status: string
  /** When to try again. */
  retrySeconds?: number
}

function refusalOf(decision: Exclude<AdmissionDecision, Admitted>): Refusal {
  switch (decision.is) {
    case 'unknown':
      return { status: '401 Unauthorized' }
    case 'forbidden':
      return { status: '403 Forbidden' }
    case 'tooMany':
      return { status: '429 Too Many Requests', retrySeconds: Math.ceil(decision.leftMs / 1000) }
    default:
      return decision satisfies never
  }
}

/** Answers and hangs up. No timeout watches an upgraded connection: one whose caller does not close it would stay. */
function refuse(socket: Duplex, { status, retrySeconds }: Refusal): void {
  const retry = retrySeconds === undefined ? '' : `Retry-After: ${retrySeconds}\r\n`
  const head = `HTTP/1.1 ${status}\r\n${retry}Connection: close\r\nContent-Length: 0\r\n\r\n`
  socket.end(head, () => socket.destroy())
}

function currentEvents(caches: Caches, jobEvents: JobEvents, repository: string): JobEvent[] {
  const jobs =
    repository === '*' ? [...caches.jobs.list()] : caches.jobs.byIndex('repository', repositoryKey(repository))
  return jobs.map((job) => jobEvents.current(job))
}
