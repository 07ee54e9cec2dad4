import type { Outlet } from './sink.ts'

/** How a client is connected. */
export type Transport = 'websocket' | 'socketio'

/** What the realtime server counts. */
export interface RealtimeMetrics {
  joined(transport: Transport): void
  left(transport: Transport): void
  sent(transport: Transport): void
  /** A client that did not read was disconnected. */
  cutOff(transport: Transport): void
}

/** For those who count nothing. */
export const uncounted: RealtimeMetrics = {
  joined: () => undefined,
  left: () => undefined,
  sent: () => undefined,
  cutOff: () => undefined,
}

/** An outlet whose messages are counted. */
export function counted(outlet: Outlet, metrics: RealtimeMetrics, transport: Transport): Outlet {
  return {
    ...outlet,
    write: (message) => {
      metrics.sent(transport)
      outlet.write(message)
    },
    cutOff: () => {
      metrics.cutOff(transport)
      outlet.cutOff()
    },
  }
}
