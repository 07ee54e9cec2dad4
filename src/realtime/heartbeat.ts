import type { WebSocket } from 'ws'
import type { Clock } from '../kube/clock.ts'

/** Pings that may go unanswered before a connection counts as dead. */
const MOST_MISSED = 2

/** Asks silent connections whether they are still there, and ends those that are not. */
export class Heartbeat {
  readonly #clock: Clock
  readonly #everyMs: number
  readonly #missed = new Map<WebSocket, number>()
  #cancel: () => void = () => undefined

  constructor(clock: Clock, everyMs: number) {
    this.#clock = clock
    this.#everyMs = everyMs
  }

  watch(socket: WebSocket): void {
    this.#missed.set(socket, 0)
    socket.on('pong', () => this.#missed.set(socket, 0))
    socket.on('close', () => this.#missed.delete(socket))
  }

  start(): void {
    this.#cancel = this.#clock.setTimer(() => {
      for (const [socket, missed] of this.#missed) this.#ask(socket, missed)
      this.start()
    }, this.#everyMs)
  }

  stop(): void {
    this.#cancel()
  }

  #ask(socket: WebSocket, missed: number): void {
    if (missed >= MOST_MISSED) {
      socket.terminate()
      return
    }
    this.#missed.set(socket, missed + 1)
    socket.ping()
  }
}
