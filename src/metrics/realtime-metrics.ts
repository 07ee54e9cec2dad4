import { Counter, Gauge, type Registry } from 'prom-client'

type Transport = 'websocket' | 'socketio'

/** Realtime clients, and the messages sent to them. */
export function realtimeMetrics(registry: Registry) {
  const common = { labelNames: ['transport'] as const, registers: [registry] }
  const clients = new Gauge({
    name: 'github_runnerhub_realtime_clients',
    help: 'Connected realtime clients, by transport',
    ...common,
  })
  const messages = new Counter({
    name: 'github_runnerhub_realtime_messages_sent_total',
    help: 'Messages sent to realtime clients, by transport',
    ...common,
  })
  const cuts = new Counter({
    name: 'github_runnerhub_realtime_cut_off_total',
    help: 'Realtime clients disconnected because they read too slowly, by transport',
    ...common,
  })
  for (const transport of ['websocket', 'socketio'] as const) {
    clients.set({ transport }, 0)
    messages.inc({ transport }, 0)
    cuts.inc({ transport }, 0)
  }
  return {
    joined: (transport: Transport) => clients.inc({ transport }),
    left: (transport: Transport) => clients.dec({ transport }),
    sent: (transport: Transport) => messages.inc({ transport }),
    cutOff: (transport: Transport) => cuts.inc({ transport }),
  }
}
