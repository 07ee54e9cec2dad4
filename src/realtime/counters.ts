import type { Sink } from './sink.ts'

/** The transport of a client. */
export type TransportName = 'websocket' | 'socketio'

/** Metrics of the realtime server. */
export interface RealtimeMetrics {
  joined(transport: TransportName): void
  left(transport: TransportName): void
  sent(transport: TransportName): void
  /** A client was disconnected because it did not read. */
  cutOff(transport: TransportName): void
}

/** Metrics that count nothing. */
export const uncounted: RealtimeMetrics = {
  joined: () => undefined,
  left: () => undefined,
  sent: () => undefined,
  cutOff: () => undefined,
}

/** A sink that counts its messages. */
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
