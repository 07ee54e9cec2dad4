import type { Message } from './messages.ts'

/** How a transport takes messages. */
export interface Sink {
  /** Takes a message without waiting; the feed is told by `drained` that the client has taken some. */
  write(message: Message): void
  /** Has enough unread for now: a snapshot pauses. */
  isFull(): boolean
  /** Has more unread than a client that reads would leave. */
  isOverfull(): boolean
  /** Ends the connection of a client that does not read. */
  cutOff(): void
}
