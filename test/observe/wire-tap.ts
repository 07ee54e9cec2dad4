import { once } from 'node:events'
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { createServer as createHttpsServer, type Server } from 'node:https'
import { createServer, type Server as TcpServer, type Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { Connection } from '../../src/kube/connection/connection.ts'
import { makeCertificate } from '../faults/proxy/certificate.ts'

/** A received request; it stays open until the test responds. */
export interface TappedRequest {
  method: string
  url: string
  headers: IncomingHttpHeaders
  body: string
  /** The client's port identifies the connection. */
  port: number
  /** True once the client has closed the connection without a response. */
  abandoned: () => boolean
  /** Sends the head of a response and the first bytes of its body, and no more. */
  begin: (body?: string) => void
  /** Closes the connection, whatever was sent. */
  cut: () => void
  /** Sends the response; later calls have no effect. */
  answer: (status: number, body: unknown, headers?: Record<string, string>) => void
}

/**
 * Records the requests of a client, and can hold a connection before its TLS handshake. It knows nothing of Kubernetes:
 * it is for rules about every request, and for moments that a real server passes too quickly.
 */
export class WireTap {
  readonly requests: TappedRequest[] = []
  /** The protocols that a client has offered, per connection. */
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

  /** The number of connections that wait for their handshake. */
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

function answering(response: ServerResponse): Pick<TappedRequest, 'answer' | 'begin' | 'cut' | 'abandoned'> {
  return {
    abandoned: () => response.destroyed && !response.writableEnded,
    begin: (body = 'so far') => {
      response.writeHead(200)
      response.write(body)
    },
    cut: () => void response.destroy(),
    answer: (status, body, headers = {}) => {
      if (response.headersSent) return
      response.writeHead(status, { 'content-type': 'application/json', ...headers })
      response.end(JSON.stringify(body))
    },
  }
}
