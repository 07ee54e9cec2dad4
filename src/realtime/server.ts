import type { RunnerJob } from '../api/runner-job.ts'
import { repositoryKey } from '../api/names.ts'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import { type Caches } from '../cluster/caches.ts'
import { waitForSync } from '../cluster/freshness.ts'
import type { Clock } from '../kube/runtime/clock.ts'
import type { Log } from '../kube/runtime/logger.ts'
import { type Admit, type Admitted, type Enter, type EntryDecision, TOKEN_PROTOCOL } from './admission.ts'
import { Connections } from './connections.ts'
import type { RealtimeMetrics } from './counters.ts'
import { Hub } from './hub.ts'
import { JobEvents, type JobEvent } from './job-events.ts'
import { type JobFacts, jobFacts } from './job-facts.ts'
import { closeCodes } from './transports/close-codes.ts'
import { serveSocketIo, SOCKET_IO_PATH } from './transports/socket-io.ts'
import { PingTimer, serveRawSocket } from './transports/websocket.ts'
import { asksForWebSocket, preferWebSocket } from './upgrades.ts'

/** Ping interval of idle connections; a connection that misses two is closed. */
const PING_MS = 30_000

/** How long a new connection waits for cache sync: less than Socket.IO's limit for the handshake. */
const FILL_MS = 3000

/** When a client that met an overloaded process may come back, as on the REST API. */
const OVERLOAD_RETRY_SECONDS = 2

/** Maximum message size, and how long a client may take to answer a close frame. */
const limits = { maxPayload: 64 * 1024, closeTimeout: 2000 }

export interface RealtimeOptions {
  caches: Caches
  admit: Admit
  clock: Clock
  log: Log
  /** Interval at which permissions of open connections are checked again. */
  reauthoriseMs: number
  mostPerCaller: number
  /** Origins whose scripts may poll Socket.IO from a browser (CORS); '*' is all. */
  corsOrigins?: readonly string[] | undefined
  /** How long a Socket.IO connection may take to send its token. */
  handshakeMs?: number
  /** The process has too much work to accept further connections. */
  isOverloaded?: () => boolean
  metrics?: RealtimeMetrics
}

/** Serves a raw WebSocket to a request for one. */
type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

export interface Realtime {
  server: Server
  /** Serves raw WebSockets that arrive at another server. */
  upgrade: UpgradeListener
  /** Closes every connection with 1001. */
  close: () => Promise<void>
}

/** The realtime server: Socket.IO on its own path, raw WebSockets on all others. */
export function makeRealtime(options: RealtimeOptions): Realtime {
  const { caches, admit: judge, clock, log, reauthoriseMs, mostPerCaller, metrics, isOverloaded, ...socketIo } = options
  const admit = onceFilled(caches, judge)
  const enter: Enter = async (handshake) => (isOverloaded?.() === true ? { is: 'overloaded' } : admit(handshake))
  const jobEvents = new JobEvents(caches)
  const hub = new Hub({ clock, metrics, current: (...whose) => currentEvents(caches, jobEvents, ...whose) })
  const factsOf = (job: RunnerJob) => () => jobFacts(caches, job)
  jobEvents.onEvent((event, job) => hub.publish(event, factsOf(job)))
  jobEvents.onReason((event, job) => hub.publish(event, factsOf(job)))
  jobEvents.onDeletion((deletion, job) => hub.publishDeletion(deletion, factsOf(job)))
  const connections = new Connections({ admit, clock, log, everyMs: reauthoriseMs, mostPerCaller })
  const serverOptions = { connectionsCheckingInterval: 1000, shouldUpgradeCallback: asksForWebSocket }
  const server = createServer(serverOptions, requireUpgrade)
  preferWebSocket(server)
  const io = serveSocketIo(server, hub, { enter, connections, ...socketIo })
  const heartbeat = new PingTimer(clock, PING_MS)
  const sockets = new WebSocketServer({ ...limits, noServer: true, perMessageDeflate: false, handleProtocols })
  const upgrade: UpgradeListener = (request, socket, head) => {
    socket.on('error', () => socket.destroy())
    const handshake = { headers: request.headers, address: request.socket.remoteAddress ?? '' }
    enter(handshake).then(
      (decision) => {
        if (decision.is !== 'admitted') {
          refuse(socket, refusalOf(decision))
          return
        }
        sockets.handleUpgrade(request, socket, head, (accepted) => {
          // ws itself ends a broken connection with a close frame; a socket destroyed here would be reset before it is read.
          // A connection that is refused below can fail too: without a listener, its error would end the process.
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
        log.warn({ err: error }, 'connection refused: admission failed')
        refuse(socket, { status: '503 Service Unavailable', retrySeconds: 5 })
      },
    )
  }
  server.on('upgrade', (request, socket, head) => {
    if (request.url?.startsWith(SOCKET_IO_PATH) !== true) upgrade(request, socket, head)
  })
  heartbeat.start()
  return {
    server,
    upgrade,
    async close() {
      heartbeat.stop()
      for (const socket of sockets.clients) socket.close(closeCodes.goingAway, 'the server is stopping')
      await io.close()
      sockets.close()
    },
  }
}

function requireUpgrade(_request: IncomingMessage, response: ServerResponse): void {
  response
    .writeHead(426, { Upgrade: 'websocket', 'Content-Type': 'text/plain' })
    .end('this port serves only WebSocket and Socket.IO\n')
}

/** Waits for cache sync: an earlier client would get an empty snapshot and miss the events until then. */
function onceFilled(caches: Caches, admit: Admit): Admit {
  return async (handshake) => {
    const decision = await admit(handshake)
    if (decision.is === 'admitted') await waitForSync(caches, AbortSignal.timeout(FILL_MS))
    return decision
  }
}

/**
 * Browsers require one of the offered protocols in the response, and proxies log responses: a token is confirmed only
 * if nothing else was offered.
 */
function handleProtocols(offered: ReadonlySet<string>): string | false {
  const protocols = [...offered]
  return protocols.find((protocol) => !protocol.startsWith(TOKEN_PROTOCOL)) ?? protocols[0] ?? false
}

/** A response other than a WebSocket. */
interface Refusal {
  status: string
  /** Seconds for Retry-After. */
  retrySeconds?: number
}

function refusalOf(decision: Exclude<EntryDecision, Admitted>): Refusal {
  switch (decision.is) {
    case 'unknown':
      return { status: '401 Unauthorized' }
    case 'forbidden':
      return { status: '403 Forbidden' }
    case 'tooMany':
      return { status: '429 Too Many Requests', retrySeconds: Math.ceil(decision.leftMs / 1000) }
    case 'overloaded':
      return { status: '503 Service Unavailable', retrySeconds: OVERLOAD_RETRY_SECONDS }
    default:
      return decision satisfies never
  }
}

/** Responds and closes. No timeout covers an upgraded socket: without this, one that its client keeps open would stay. */
function refuse(socket: Duplex, { status, retrySeconds }: Refusal): void {
  const retry = retrySeconds === undefined ? '' : `Retry-After: ${retrySeconds}\r\n`
  const head = `HTTP/1.1 ${status}\r\n${retry}Connection: close\r\nContent-Length: 0\r\n\r\n`
  socket.end(head, () => socket.destroy())
}

function currentEvents(
  caches: Caches,
  jobEvents: JobEvents,
  repository: string,
  withFacts: boolean,
): (JobEvent & Partial<JobFacts>)[] {
  const jobs =
    repository === '*' ? [...caches.jobs.list()] : caches.jobs.byIndex('repository', repositoryKey(repository))
  return jobs.map((job) => ({ ...jobEvents.current(job), ...(withFacts && jobFacts(caches, job)) }))
}
