import type { Subscriber } from './hub.ts'
import type { Message } from './messages.ts'
import type { Sink } from './sink.ts'

/** Messages that may wait behind a snapshot for a client that is slow to take it. */
const MAX_WAITING = 10_000

/**
 * What one client is told, in order. A snapshot goes out as fast as the client takes it, so that its size is no reason to
 * be cut off; what happens meanwhile waits behind it. All else goes out at once, or not at all.
 */
export class Feed implements Subscriber {
  readonly #sink: Sink
  #queue: Iterator<Message>[] = []
  #isCut = false

  constructor(sink: Sink) {
    this.#sink = sink
  }

  /** Whether something waits until the client has taken what was written. */
  get isPausing(): boolean {
    return this.#queue.length > 0
  }

  send(message: Message): void {
    if (this.#isCut) return
    if (this.#queue.length > 0) this.#queue.push([message].values())
    else if (!this.#sink.isOverfull()) return this.#sink.write(message)
    if (this.#queue.length > 0 && this.#queue.length <= MAX_WAITING) return
    this.#isCut = true
    this.#queue = []
    this.#sink.cutOff()
  }

  /** Sends many messages, each of which is made when it can be taken. */
  sendAll(messages: Iterable<Message>): void {
    if (this.#isCut) return
    this.#queue.push(messages[Symbol.iterator]())
    this.drained()
  }

  /** The client has taken some of what was written. */
  drained(): void {
    while (!this.#isCut && this.#queue.length > 0 && !this.#sink.isFull()) {
      const next = this.#queue[0]?.next()
      if (next === undefined || next.done === true) this.#queue.shift()
      else this.#sink.write(next.value)
    }
  }
}
