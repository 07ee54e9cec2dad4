import { once } from 'node:events'
import { makeApp } from '../../src/http/app.ts'
import { makeServer } from '../../src/http/server.ts'
import { KubeClient } from '../../src/kube/client/client.ts'
import { type Clock, systemClock } from '../../src/kube/runtime/clock.ts'
import { Metrics } from '../../src/metrics/registry.ts'
import { makeRealtime } from '../../src/realtime/server.ts'
import { asksForEvents, preferWebSocket } from '../../src/realtime/upgrades.ts'
import { facadeParts } from '../objects/facade-deps.ts'
import type { FilledCaches } from '../objects/stores.ts'

interface CachesOptions {
  clock?: Clock
  /** Returns the logs of pods; nobody does by default. */
  server?: URL
}

/** The facade over caches that a test fills, for more objects than an API server stores in seconds. Everybody may do everything. */
export async function serveCaches(
  { caches, log }: FilledCaches,
  { clock = systemClock, server: logs = new URL('http://127.0.0.1:1') }: CachesOptions = {},
): Promise<{ url: string; close: () => Promise<void> }> {
  const connection = { server: logs, credentials: () => Promise.resolve({ headers: {}, tls: {} }) }
  const client = new KubeClient(connection, { userAgent: 'test', clock })
  const metrics = new Metrics({ clock, version: '1' })
  const app = makeApp({
    ...facadeParts({ client, caches, clock }),
    metrics,
    auditLog: log,
    reauthoriseMs: 60_000,
    authority: {
      callerOf: async () => ({ value: { user: 'somebody', uid: '', groups: [] }, isStale: false }),
      allows: async () => ({ value: true, isStale: false }),
    },
    rateLimit: { max: 1000, windowSeconds: 900, clientOf: (peer) => peer },
    shed: { maxRequests: 1000, maxDelayMs: 1000, delayMs: () => 0 },
  })
  const realtime = makeRealtime({
    caches,
    admit: async () => ({ is: 'admitted', caller: 'somebody', mayList: true, scope: { is: 'all' } }),
    clock,
    log,
    reauthoriseMs: 60_000,
    mostPerCaller: 10,
  })
  const handle = app.callback()
  const options = { clock, log, version: '1', metrics, isUpgrade: asksForEvents }
  const server = makeServer((request, response) => void handle(request, response), options)
  preferWebSocket(server)
  server.on('upgrade', realtime.upgrade).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const close = async (): Promise<void> => {
    await realtime.close()
    server.closeAllConnections()
    server.close()
  }
  return { url: `http://127.0.0.1:${port}`, close }
}
