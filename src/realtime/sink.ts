import type { Message } from './messages.ts'

/** The transport of one client. */
export interface Sink {
  /** Writes a message without waiting; the transport calls the feed's `drained` once the client has read some. */
  write(message: Message): void
  /** Enough is unread for now: a snapshot pauses. */
  isFull(): boolean
  /** More is unread than a reading client would leave. */
  isOverfull(): boolean
  /** Ends the connection of a client that does not read. */
  cutOff(): void
}
