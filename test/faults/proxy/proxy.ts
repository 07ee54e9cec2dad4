/**
 * A proxy before the API server that injects faults. It terminates TLS with its own certificate and forwards every
 * request with the client's Authorization, or as the administrator if the client sent none.
 *
 *   const proxy = await startFaultProxy(controlPlane)              // or a TestCluster
 *   const client = new KubeClient(proxy.connection(), { userAgent: 'a' })
 *   const rule = proxy.when({ method: 'GET', path: /\/pods\?.*watch=true/, userAgent: /a/ }).stall()
 *   await eventually(() => rule.hits > 0)
 *   rule.remove()                                                  // held requests arrive now
 *
 * Faults, each of which returns its rule:
 *   delay(ms)       a new request reaches the server only later; a write even if its client has given up by then
 *   stall()         nothing passes any more, connections stay open; also for open requests
 *   swallow()       the same, but what it holds is lost, and its connections are reset when the rule is removed
 *   cut()           the connection is reset before the server sees the request; also for open requests
 *   cutMidLine()    a watch breaks after half of its next line; also an open one
 *   dropReply()     the server handles the request, but the connection is reset instead of a response
 *   answer(…)       the proxy responds, the server gets no request
 *   rewrite(f)      f changes the body of the response; each line of a watch; also of an open one
 *   afterwards(f)   f is called a moment after the response has gone out, for a new request
 * `emit(event)` and `end()` are no rules: they insert an event into the matching open watches, or end them like a server
 * timeout, and return the number of watches.
 * If several rules match a new request, all of them apply, oldest first. `requests` has every request that arrived,
 * with the status code of its response.
 *
 * A child process gets `url` and `ca`. One proxy per replica keeps the faults of replicas apart.
 * `rotate()` changes the certificate, and `close()` ends everything.
 */
import { once } from 'node:events'
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { Agent, createServer, request as httpsRequest, type Server } from 'node:https'
import type { Socket } from 'node:net'
import type { Credentials, Connection } from '../../../src/kube/connection/connection.ts'
import { type Certificate, makeCertificate } from './certificate.ts'
import { Exchange } from './exchange.ts'
import { type Fault, type Match, matches, Rule, type SeenRequest } from './rules.ts'

/** The faults for matching requests. */
export interface When {
  delay(ms: number): Rule
  stall(): Rule
  swallow(): Rule
  cut(): Rule
  cutMidLine(): Rule
  dropReply(): Rule
  answer(status: number, body: unknown, headers?: OutgoingHttpHeaders): Rule
  rewrite(change: (text: string) => string): Rule
  afterwards(act: () => void): Rule
  emit(event: unknown): number
  end(): number
}

/** Starts a proxy before an API server; close it in `after`. */
export async function startFaultProxy(behind: { connection: Connection }): Promise<FaultProxy> {
  const [certificate, access] = await Promise.all([makeCertificate(), behind.connection.credentials()])
  const proxy = new FaultProxy(behind.connection.server, access, certificate)
  await proxy.listen()
  return proxy
}

export class FaultProxy {
  readonly requests: SeenRequest[] = []
  readonly #target: URL
  readonly #asAdmin: Agent
  readonly #asClient: Agent
  readonly #adminHeaders: Readonly<Record<string, string>>
  readonly #server: Server
  readonly #sockets = new Map<number, Socket>()
  readonly #open = new Set<Exchange>()
  readonly #rules: Rule[] = []
  #certificate: Certificate

  constructor(target: URL, access: Credentials, certificate: Certificate) {
    this.#target = target
    const { ca, servername, rejectUnauthorized } = access.tls
    this.#asAdmin = new Agent({ keepAlive: true, ...access.tls })
    this.#asClient = new Agent({ keepAlive: true, ca, servername, rejectUnauthorized })
    this.#adminHeaders = access.headers
    this.#certificate = certificate
    this.#server = createServer({ ...certificate, keepAliveTimeout: 300_000, requestTimeout: 0 })
    this.#server.on('connection', (socket: Socket) => this.#remember(socket))
    this.#server.on('request', (request, response) => void this.#serve(request, response))
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  when(match: Match): When {
    const add = (fault: Fault): Rule => this.#add(new Rule(match, fault))
    return {
      delay: (ms) => add({ is: 'delay', ms }),
      stall: () => add({ is: 'stall' }),
      swallow: () => add({ is: 'swallow' }),
      cut: () => add({ is: 'cut' }),
      cutMidLine: () => add({ is: 'cutMidLine' }),
      dropReply: () => add({ is: 'dropReply' }),
      answer: (status, body, headers = {}) => add({ is: 'answer', status, body, headers }),
      rewrite: (change) => add({ is: 'rewrite', change }),
      afterwards: (act) => add({ is: 'afterwards', act }),
      emit: (event) => {
        const line = typeof event === 'string' ? event : JSON.stringify(event)
        return this.#toOpen(match, (exchange) => exchange.write(line))
      },
      end: () => this.#toOpen(match, (exchange) => exchange.end()),
    }
  }

  /** The arrived requests that match. */
  seen(match: Match): SeenRequest[] {
    return this.requests.filter((request) => matches(match, request))
  }

  /** Removes every rule; held requests and responses continue. */
  clear(): void {
    for (const rule of this.#rules.splice(0)) rule.remove()
  }

  get url(): URL {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('the proxy does not listen')
    return new URL(`https://127.0.0.1:${address.port}`)
  }

  /** The proxy's own CA, as PEM. */
  get ca(): string {
    return this.#certificate.cert
  }

  /** For a client: as the administrator, or with a bearer token. */
  connection(token?: string): Connection {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
    return { server: this.url, credentials: async () => ({ headers, tls: { ca: this.ca } }) }
  }

  /** A new certificate under a new CA; every connection is cut. */
  async rotate(): Promise<void> {
    this.#certificate = await makeCertificate()
    this.#server.setSecureContext(this.#certificate)
    for (const socket of this.#sockets.values()) socket.destroy()
  }

  async close(): Promise<void> {
    this.clear()
    for (const socket of this.#sockets.values()) socket.destroy()
    const closed = once(this.#server, 'close')
    this.#server.close()
    await closed
    this.#asAdmin.destroy()
    this.#asClient.destroy()
  }

  #add(rule: Rule): Rule {
    this.#rules.push(rule)
    const { is } = rule.fault
    // These apply to new requests only.
    if (is === 'delay' || is === 'answer' || is === 'dropReply' || is === 'afterwards') return rule
    for (const exchange of this.#open) if (rule.meets(exchange.seen)) exchange.meet(rule)
    return rule
  }

  #toOpen(match: Match, act: (exchange: Exchange) => void): number {
    const open = [...this.#open].filter((exchange) => matches(match, exchange.seen))
    open.forEach(act)
    return open.length
  }

  #remember(socket: Socket): void {
    const port = socket.remotePort ?? 0
    this.#sockets.set(port, socket)
    socket.on('close', () => this.#sockets.delete(port)).on('error', () => {})
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const seen: SeenRequest = {
      method: request.method ?? '',
      path: request.url ?? '',
      userAgent: request.headers['user-agent'] ?? '',
      authorization: request.headers.authorization,
      at: performance.now(),
    }
    this.requests.push(seen)
    const rules = this.#rules.filter((rule) => rule.meets(seen))
    const port = request.socket.remotePort ?? 0
    const exchange = new Exchange(request, response, { seen, rules, cut: () => this.#sockets.get(port)?.destroy() })
    this.#open.add(exchange)
    response.once('close', () => this.#open.delete(exchange))
    try {
      await exchange.run((body) => this.#forward(request, response, body))
    } catch {
      this.#sockets.get(port)?.destroy() // the server or the client is gone: reset the other side
    }
  }

  async #forward(request: IncomingMessage, response: ServerResponse, body: Buffer): Promise<IncomingMessage> {
    const { host: _, 'accept-encoding': __, 'transfer-encoding': ___, connection: ____, ...headers } = request.headers
    const known = headers.authorization !== undefined
    const upstream = httpsRequest(new URL(request.url ?? '/', this.#target), {
      method: request.method ?? 'GET',
      headers: { ...headers, ...(known ? {} : this.#adminHeaders) },
      agent: known ? this.#asClient : this.#asAdmin,
    })
    response.once('close', () => upstream.destroy())
    upstream.end(body)
    return await new Promise((resolve, reject) => upstream.once('response', resolve).on('error', reject))
  }
}
