import { once } from 'node:events'
import { io, type Socket } from 'socket.io-client'
import { WebSocket } from 'ws'
import { asObject } from '../../../src/kube/client/parse.ts'

/** The events that many clients received together. */
export class Audience {
  readonly #clients: { close(): void }[] = []
  #received = 0
  #wanted = 0
  #enough: () => void = () => undefined
  /** Events that arrived twice or out of order; a lost event makes `receives` time out. */
  wrong = 0

  /** Clients of the raw protocol that have subscribed. */
  static async raw(port: number, count: number): Promise<Audience> {
    return Audience.#of(count, async (audience) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { perMessageDeflate: false })
      await once(socket, 'open')
      socket.send(JSON.stringify({ event: 'subscribe:repository', data: 'owner/repo' }))
      // Frames are handled in order: after the pong, the subscription is active.
      socket.ping()
      await once(socket, 'pong')
      const receive = audience.#receiver()
      socket.on('message', (data) => receive(Buffer.isBuffer(data) ? data.toString('latin1') : ''))
      return { close: () => socket.terminate() }
    })
  }

  /** Clients of Socket.IO over its WebSocket transport that have subscribed. */
  static async socketIo(port: number, count: number): Promise<Audience> {
    return Audience.#of(count, async (audience) => {
      const socket: Socket = io(`ws://127.0.0.1:${port}`, { transports: ['websocket'], forceNew: true })
      await socket.timeout(60_000).emitWithAck('subscribe:repository', 'owner/repo')
      const receive = audience.#receiver()
      socket.on('job:delegated', (data: unknown) => receive(`"${String(asObject(data)['jobId'])}"`))
      return { close: () => void socket.close() }
    })
  }

  static async #of(count: number, join: (audience: Audience) => Promise<{ close(): void }>): Promise<Audience> {
    const audience = new Audience()
    const atOnce = 50
    for (let from = 0; from < count; from += atOnce) {
      const some = Array.from({ length: Math.min(atOnce, count - from) }, () => join(audience))
      audience.#clients.push(...(await Promise.all(some)))
    }
    return audience
  }

  /** Handles the messages of one client: each number must follow the last one. */
  #receiver(): (text: string) => void {
    let last = -1
    return (text) => {
      const at = text.indexOf('"job-') + 5
      const number = Number(text.slice(at, text.indexOf('"', at)))
      if (number !== last + 1) this.wrong += 1
      last = number
      this.#received += 1
      if (this.#received === this.#wanted) this.#enough()
    }
  }

  /** Publishes events, and returns the milliseconds until each client has received all of them. */
  async receives(events: number, publish: () => void): Promise<number> {
    this.#wanted = this.#received + events * this.#clients.length
    const all = new Promise<void>((resolve) => (this.#enough = resolve))
    const begun = performance.now()
    publish()
    const deadline = setTimeout(() => {
      throw new Error(`${this.#wanted - this.#received} events were lost`)
    }, 120_000)
    await all
    clearTimeout(deadline)
    return performance.now() - begun
  }

  close(): void {
    for (const client of this.#clients) client.close()
  }
}
