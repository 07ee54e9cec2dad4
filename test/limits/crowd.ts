import { WebSocket } from 'ws'
import { asObject } from '../../src/kube/client/parse.ts'
import { eventually } from '../observe/eventually.ts'

/** Connections that are opened at a time. */
const AT_ONCE = 50

/** Many WebSockets that have subscribed to one repository, and wait. */
export class Crowd {
  readonly #sockets: WebSocket[] = []
  /** The connections that have received the end of a job, by its id. */
  readonly #ends = new Map<string, Set<WebSocket>>()
  /** Connections that the server closed. */
  closed = 0

  static async open(url: string, options: { count: number; token: string; repository: string }): Promise<Crowd> {
    const crowd = new Crowd()
    let left = options.count
    const join = async (): Promise<void> => {
      while (left > 0) {
        left -= 1
        await crowd.#join(url, options)
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, join))
    return crowd
  }

  async #join(url: string, { token, repository }: { token: string; repository: string }): Promise<void> {
    const headers = { authorization: `Bearer ${token}` }
    const socket = new WebSocket(url, { headers, perMessageDeflate: false })
    this.#sockets.push(socket)
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    socket.on('error', () => undefined)
    socket.on('close', () => (this.closed += 1))
    socket.on('message', (data) => this.#receive(socket, Buffer.isBuffer(data) ? data.toString() : ''))
    socket.send(JSON.stringify({ event: 'subscribe:repository', data: repository }))
    // Frames are handled in order: the pong means that the subscription is active.
    const answered = new Promise((resolve) => socket.once('pong', resolve))
    socket.ping()
    await answered
  }

  #receive(socket: WebSocket, text: string): void {
    const { jobId, status } = asObject(asObject(JSON.parse(text))['data'])
    if (typeof jobId !== 'string' || status !== 'completed') return
    this.#ends.set(jobId, (this.#ends.get(jobId) ?? new Set()).add(socket))
  }

  /** Resolves when every connection has received the end of a job. */
  async hearsEnd(jobId: string, withinMs: number): Promise<void> {
    const all = (): boolean => this.#ends.get(jobId)?.size === this.#sockets.length
    await eventually(all, { withinMs, what: `the end of ${jobId} on ${this.#sockets.length} connections` }).catch(
      (error: unknown) => {
        throw new Error(`only ${this.#ends.get(jobId)?.size ?? 0} have it, ${this.closed} are closed`, { cause: error })
      },
    )
  }

  close(): void {
    for (const socket of this.#sockets) socket.terminate()
  }
}
