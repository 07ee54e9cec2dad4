import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, request as send, type Server } from 'node:http'

/** Forwards requests to an S3 server, and records their headers. */
export class S3Tap {
  readonly #server: Server
  readonly heard: IncomingHttpHeaders[] = []

  private constructor(endpoint: string) {
    this.#server = createServer((request, response) => {
      const { method, headers } = request
      this.heard.push(headers)
      const onward = send(`${endpoint}${request.url}`, { method, headers }, (answer) => {
        answer.pipe(response.writeHead(answer.statusCode ?? 0, answer.headers))
      })
      request.pipe(onward)
    })
  }

  static async start(endpoint: string): Promise<S3Tap> {
    const tap = new S3Tap(endpoint)
    tap.#server.listen(0, '127.0.0.1')
    await once(tap.#server, 'listening')
    return tap
  }

  get endpoint(): string {
    const address = this.#server.address()
    return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
  }

  close(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }
}
