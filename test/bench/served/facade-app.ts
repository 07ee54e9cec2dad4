import { once } from 'node:events'
import { createServer } from 'node:http'
import { ConcurrencyLimit } from '../../../src/auth/concurrency-limit.ts'
import type { ArchiveStore } from '../../../src/archive/store.ts'
import { makeStores } from '../../../src/cluster/caches.ts'
import { Redactor } from '../../../src/domain/log/redaction.ts'
import { makeApp } from '../../../src/http/app.ts'
import type { RunnerJob } from '../../../src/api/runner-job.ts'
import { KubeClient } from '../../../src/kube/client/client.ts'
import { systemClock as clock } from '../../../src/kube/runtime/clock.ts'
import { makeLog } from '../../../src/log.ts'
import { Metrics } from '../../../src/metrics/registry.ts'
import { fillStores } from '../../objects/stores.ts'
import { recordEverything } from '../../observe/every-metric.ts'
import { portOf, ready } from './child.ts'

/** Serves the REST facade from caches with these jobs, and reports its port. There is no API server. */
export async function serveFacade(jobs: Iterable<RunnerJob>, archive?: ArchiveStore): Promise<void> {
  const log = makeLog('error')
  const caches = { ...makeStores(log), reflectors: [] }
  const metrics = new Metrics({ clock, version: '0.0.0' })
  metrics.watch(caches)
  const client = new KubeClient(
    { server: new URL('https://127.0.0.1:1'), credentials: () => Promise.resolve({ headers: {}, tls: {} }) },
    { userAgent: 'runnerhub-bench', clock },
  )
  const app = makeApp({
    client,
    caches,
    log,
    auditLog: log,
    namespace: 'ns',
    clock,
    newId: () => 'a',
    closing: new AbortController().signal,
    version: '0.0.0',
    idempotencyWindowMs: 300_000,
    heartbeatMs: 60_000,
    maxProxies: 10_000,
    redactor: () => new Redactor(),
    ...(archive !== undefined && { archive }),
    logStreams: new ConcurrencyLimit(1),
    reauthoriseMs: 60_000,
    metrics,
    authority: {
      callerOf: () => Promise.resolve({ value: { user: 'bench', uid: '', groups: [] }, isStale: false }),
      allows: () => Promise.resolve({ value: true, isStale: false }),
    },
    rateLimit: { max: 1e9, windowSeconds: 900, clientOf: (peer) => peer },
    shed: { maxRequests: 1000, maxDelayMs: 1000, delayMs: () => 0 },
  })
  recordEverything(metrics)
  await fillStores(caches)
  await caches.ledgers.replaceAll([], '1')
  await caches.jobs.replaceAll(jobs, '1')
  const handle = app.callback()
  const server = createServer((request, response) => void handle(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  ready(portOf(server))
}
