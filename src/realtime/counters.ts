import type { Sink } from './sink.ts'

/** How a client is connected. */
export type TransportName = 'websocket' | 'socketio'

/** What the realtime server counts. */
export interface RealtimeMetrics {
  joined(transport: TransportName): void
  left(transport: TransportName): void
  sent(transport: TransportName): void
  /** A client that did not read was disconnected. */
  cutOff(transport: TransportName): void
}

/** For those who count nothing. */
export const uncounted: RealtimeMetrics = {
  joined: () => undefined,
  left: () => undefined,
  sent: () => undefined,
  cutOff: () => undefined,
}

/** An outlet whose messages are counted. */
export function counted(sink: Sink, metrics: RealtimeMetrics, transport: TransportName): Sink {
  return {
    ...sink,
    write: (message) => {
      metrics.sent(transport)
      sink.write(message)
    },
    cutOff: () => {
      metrics.cutOff(transport)
      sink.cutOff()
    },
  }
}
