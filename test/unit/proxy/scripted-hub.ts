import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { gunzipSync } from 'node:zlib'
import { WebSocketServer, type WebSocket } from 'ws'
import { fieldsOf } from '../../../src/api/json.ts'
import { eventually } from '../../observe/eventually.ts'

/** One call that the hub got. */
export interface Call {
  method: string
  path: string
  authorization: string
  type: string
  body: Buffer
}

export interface Script {
  /** Answers in place of the hub's own, as long as there are some: by method and path. */
  refuse: (call: Call) => { status: number; body?: object; headers?: Record<string, string> } | undefined
  /** Whether it knows waitSeconds. */
  canWait: boolean
  /** Whether connections to its events are taken. */
  hasEvents: boolean
  /** Whether it limits the calls of an address. */
  isLimited: boolean
}

const ID = '550e8400-e29b-41d4-a716-446655440000'

/**
 * The hub as a proxy sees it, for one job whose course the test decides. It is here what an outside service is: what the
 * real one does is shown by the tests of the whole.
 */
export class ScriptedHub {
  readonly calls: Call[] = []
  /** Files that it serves, by their path. */
  readonly files = new Map<string, Buffer>()
  readonly script: Script = { refuse: () => undefined, canWait: false, hasEvents: true, isLimited: true }
  job: Record<string, unknown> = { status: 'queued', metadata: {} }
  #log: string[] = []
  #isLogOver = false
  readonly #waiting = new Set<() => void>()
  readonly #streams = new Set<ServerResponse>()
  readonly #sockets = new Set<WebSocket>()
  readonly #subscribed = new Set<WebSocket>()
  readonly #tls: { cert: string; key: string } | undefined
  readonly #host: string
  #server: Server | undefined
  #port = 0

  constructor({ tls, host = '127.0.0.1' }: { tls?: { cert: string; key: string }; host?: string } = {}) {
    this.#tls = tls
    this.#host = host
  }

  /** Starts, or starts again, where it was. */
  async start(): Promise<void> {
    const server = this.#tls === undefined ? createServer() : createTlsServer(this.#tls)
    server.on('request', (request: IncomingMessage, response: ServerResponse) => void this.#take(request, response))
    const events = new WebSocketServer({ noServer: true })
    server.on('upgrade', (request: IncomingMessage, socket, head) => {
      if (!this.script.hasEvents) {
        socket.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n')
        return
      }
      events.handleUpgrade(request, socket, head, (client) => this.#join(client))
    })
    server.listen(this.#port, this.#host)
    await once(server, 'listening')
    const address = server.address()
    if (typeof address === 'object' && address !== null) this.#port = address.port
    this.#server = server
  }

  /** Goes away with all its connections. */
  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.terminate()
    this.#server?.closeAllConnections()
    this.#server?.close()
    this.#server = undefined
  }

  get url(): string {
    return `${this.#tls === undefined ? 'http' : 'https'}://${this.#host.includes(':') ? `[${this.#host}]` : this.#host}:${this.#port}`
  }

  get eventsUrl(): string {
    return this.url.replace(/^http/, 'ws')
  }

  get connections(): number {
    return this.#sockets.size
  }

  /** The calls of a method to a path, without its query. */
  of(method: string, path: string): Call[] {
    return this.calls.filter((call) => call.method === method && call.path.split('?')[0] === path)
  }

  /** The delegations, as facts and message. */
  delegations(): { facts: Record<string, unknown>; frame: Buffer }[] {
    return this.of('POST', '/api/jobs/delegate').map(({ body }) => {
      const end = body.indexOf(0x0a)
      return {
        facts: fieldsOf(JSON.parse(body.subarray(0, end).toString())),
        frame: gunzipSync(body.subarray(end + 1)),
      }
    })
  }

  delegated(): Promise<unknown> {
    const isThere = (): boolean => this.of('POST', '/api/jobs/delegate').length > 0
    return eventually(isThere, { what: 'a delegation', withinMs: 25_000 })
  }

  followed(): Promise<unknown> {
    return eventually(() => this.#streams.size > 0 && this.#subscribed.size > 0, {
      what: 'log and events to be followed',
    })
  }

  /** The job comes into a state, and whoever listens hears of it. */
  state(status: string, metadata: Record<string, unknown> = {}, { silently = false } = {}): void {
    this.job = { status, metadata }
    if (silently) return
    this.send('job:status', { jobId: ID, repository: 'owner/repo', status })
    if (['completed', 'failed', 'cancelled'].includes(status)) {
      this.#waiting.forEach((wake) => wake())
      this.endLog()
    }
  }

  send(event: string, data: unknown): void {
    for (const socket of this.#sockets) socket.send(JSON.stringify({ event, data }))
  }

  /** The job writes a line. */
  write(...lines: string[]): void {
    this.#log.push(...lines)
    for (const stream of this.#streams) stream.write(lines.map((line) => `${line}\n`).join(''))
  }

  endLog(): void {
    this.#isLogOver = true
    for (const stream of this.#streams) stream.end()
  }

  /** The connections of those who follow the log break. */
  breakLog(): void {
    for (const stream of this.#streams) stream.destroy()
  }

  #join(socket: WebSocket): void {
    this.#sockets.add(socket)
    socket.on('close', () => {
      this.#sockets.delete(socket)
      this.#subscribed.delete(socket)
    })
    socket.on('message', (data) => {
      const { event } = fieldsOf(JSON.parse(Buffer.isBuffer(data) ? data.toString() : ''))
      if (event !== 'subscribe:repository') return
      const jobs = [{ jobId: ID, repository: 'owner/repo', ...this.job }]
      this.#subscribed.add(socket)
      socket.send(JSON.stringify({ event: 'job:snapshot', data: { repository: 'owner/repo', jobs, last: true } }))
    })
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = []
    for await (const piece of request) if (Buffer.isBuffer(piece)) pieces.push(piece)
    const { method = '', url: path = '', headers } = request
    const { authorization = '', 'content-type': type = '' } = headers
    const call = { method, path, authorization, type, body: Buffer.concat(pieces) }
    this.calls.push(call)
    const refused = this.script.refuse(call)
    if (refused !== undefined) {
      const { status, body = { success: false, code: 'Refused', error: 'the test wants it' }, headers: more } = refused
      response.writeHead(status, { 'content-type': 'application/json', ...more }).end(JSON.stringify(body))
      return
    }
    await this.#answer(call, response)
  }

  async #answer({ method, path }: Call, response: ServerResponse): Promise<void> {
    const data = (status: number, value: object): void => {
      const body = JSON.stringify({ success: true, data: value })
      response.writeHead(status, { 'content-type': 'application/json', ...this.#limit() }).end(body)
    }
    const { pathname, searchParams } = new URL(path, this.url)
    if (method === 'POST' && pathname === '/api/jobs/delegate') {
      return data(201, { delegationId: ID, status: 'queued' })
    }
    if (method === 'POST' && pathname === `/api/jobs/${ID}/cancel`) return data(202, { id: ID })
    if (pathname.endsWith('/heartbeat')) return data(200, { name: 'proxy-1' })
    if (pathname === `/api/jobs/${ID}/logs`) return this.#follow(response)
    if (method === 'GET' && pathname === `/api/jobs/${ID}`) {
      if (this.script.canWait && searchParams.has('waitSeconds')) await this.#over()
      return data(200, { id: ID, ...this.job })
    }
    if (`${method} ${pathname}` === 'GET /api/jobs') return data(200, {})
    const file = this.files.get(pathname)
    if (file !== undefined) {
      response.writeHead(200).end(file)
      return
    }
    response.writeHead(404, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ success: false, code: 'NotFound', error: `no ${path}` }))
  }

  #follow(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', ...this.#limit() })
    response.flushHeaders()
    this.#streams.add(response)
    response.on('close', () => this.#streams.delete(response))
    response.write(this.#log.map((line) => `${line}\n`).join(''))
    if (this.#isLogOver) response.end()
  }

  /** 100 calls in 15 minutes, with which nobody else has begun. */
  #limit(): Record<string, string> {
    if (!this.script.isLimited) return {}
    const reset = String(Math.ceil(Date.now() / 1000) + 900)
    return { 'x-ratelimit-limit': '100', 'x-ratelimit-remaining': '95', 'x-ratelimit-reset': reset }
  }

  async #over(): Promise<void> {
    if (['completed', 'failed', 'cancelled'].includes(String(this.job['status']))) return
    await new Promise<void>((resolve) => this.#waiting.add(resolve))
  }
}

export const DELEGATION_ID = ID
