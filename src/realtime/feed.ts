import type { Subscriber } from './hub.ts'
import type { Message } from './messages.ts'
import type { Sink } from './sink.ts'

/** Messages that may wait behind a snapshot that a slow client has not read yet. */
const MAX_WAITING = 10_000

/**
 * The messages to one client, in order. A snapshot goes out as fast as the client reads it, so its size never cuts the
 * client off. Later events wait behind it. All other messages go out at once, or not at all.
 */
export class Feed implements Subscriber {
  readonly #sink: Sink
  #queue: Iterator<Message>[] = []
  #isCut = false

  constructor(sink: Sink) {
    this.#sink = sink
  }

  /** Whether messages wait until the client has read the earlier ones. */
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

  /** Sends many messages; each is created only when the client can take it. */
  sendAll(messages: Iterable<Message>): void {
    if (this.#isCut) return
    this.#queue.push(messages[Symbol.iterator]())
    this.drained()
  }

  /** The client has read some of the written messages. */
  drained(): void {
    while (!this.#isCut && this.#queue.length > 0 && !this.#sink.isFull()) {
      const next = this.#queue[0]?.next()
      if (next === undefined || next.done === true) this.#queue.shift()
      else this.#sink.write(next.value)
    }
  }
}
