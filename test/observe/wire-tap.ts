import { once } from 'node:events'
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { createServer as createHttpsServer, type Server } from 'node:https'
import { createServer, type Server as TcpServer, type Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { Connection } from '../../src/kube/connection/connection.ts'
import { makeCertificate } from '../faults/proxy/certificate.ts'

/** A request as it came over the wire; it stays unanswered until the test answers it. */
export interface TappedRequest {
  method: string
  url: string
  headers: IncomingHttpHeaders
  body: string
  /** Ports of the client tell connections apart. */
  port: number
  /** True once the client has closed the connection without having got an answer. */
  abandoned: () => boolean
  /** Sends the head of an answer and the first bytes of its body; the rest does not come. */
  begin: (body?: string) => void
  /** The first answer counts. */
  answer: (status: number, body: unknown, headers?: Record<string, string>) => void
}

/**
 * Writes down what a client sends, and can keep a connection from being finished. It knows nothing of Kubernetes:
 * it is for what holds of every request, and for moments that a real server is too quick for.
 */
export class WireTap {
  readonly requests: TappedRequest[] = []
  /** The protocols that a client has offered to speak, per connection. */
  readonly offers: string[][] = []
  readonly #https: Server
  readonly #tcp: TcpServer
  readonly #cert: string
  readonly #waiting: Socket[] = []
  readonly #sockets = new Set<Socket>()
  #holding = false

  static async open(): Promise<WireTap> {
    const { cert, key } = await makeCertificate()
    const ALPNCallback = ({ protocols }: { protocols: string[] }): string => {
      tap.offers.push(protocols)
      return 'http/1.1'
    }
    const tap = new WireTap(createHttpsServer({ cert, key, keepAliveTimeout: 300_000, ALPNCallback }), cert)
    tap.#tcp.listen(0, '127.0.0.1')
    await once(tap.#tcp, 'listening')
    return tap
  }

  private constructor(https: Server, cert: string) {
    this.#https = https
    this.#cert = cert
    https.on('request', (request, response) => {
      void buffer(request).then((body) => {
        const { method = '', url = '', headers } = request
        const port = request.socket.remotePort ?? 0
        this.requests.push({ method, url, headers, body: body.toString(), port, ...answering(response) })
      })
    })
    this.#tcp = createServer((socket) => this.#accept(socket))
  }

  /** New connections wait for their TLS handshake until `letConnect`. */
  holdConnections(): void {
    this.#holding = true
  }

  letConnect(): void {
    this.#holding = false
    for (const socket of this.#waiting.splice(0)) this.#https.emit('connection', socket)
  }

  /** How many connections wait for their handshake. */
  get connecting(): number {
    return this.#waiting.length
  }

  connection(headers: Record<string, string> = {}): Connection {
    const address = this.#tcp.address()
    if (address === null || typeof address === 'string') throw new Error('not listening')
    const server = new URL(`https://127.0.0.1:${address.port}`)
    return { server, credentials: async () => ({ headers, tls: { ca: this.#cert } }) }
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    const closed = once(this.#tcp, 'close')
    this.#tcp.close()
    await closed
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket)).on('error', () => {})
    if (this.#holding) this.#waiting.push(socket)
    else this.#https.emit('connection', socket)
  }
}

function answering(response: ServerResponse): Pick<TappedRequest, 'answer' | 'begin' | 'abandoned'> {
  return {
    abandoned: () => response.destroyed && !response.writableEnded,
    begin: (body = 'so far') => {
      response.writeHead(200)
      response.write(body)
    },
    answer: (status, body, headers = {}) => {
      if (response.headersSent) return
      response.writeHead(status, { 'content-type': 'application/json', ...headers })
      response.end(JSON.stringify(body))
    },
  }
}
