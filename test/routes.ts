import type { Router } from '@koa/router'
import { makeStores } from '../src/cluster/caches.ts'
import { makeRouters } from '../src/http/app.ts'
import type { FacadeState } from '../src/http/state.ts'
import { KubeClient } from '../src/kube/client.ts'
import { HandClock } from './clock.ts'
import { RecordedLog } from './recorded-log.ts'

/** Every route of the facade, as `GET /api/jobs/:id`; HEAD, which comes with every GET, is left out. */
export function routesOf(): string[] {
  const log = new RecordedLog()
  const access = async () => ({ headers: {}, tls: {} })
  const client = new KubeClient({ server: new URL('http://localhost'), access }, { userAgent: 'test' })
  const clock = new HandClock()
  const caches = { ...makeStores(log), reflectors: [] }
  const { open, api } = makeRouters({
    client,
    caches,
    namespace: 'test',
    clock,
    log,
    version: '1.2.3',
    idempotencyWindowMs: 0,
  })
  return [open, api].flatMap(namesIn)
}

function namesIn(router: Router<FacadeState>): string[] {
  return router.stack.flatMap(({ path, methods }) =>
    methods
      .filter((method) => method !== 'HEAD')
      .map((method) => `${method} ${typeof path === 'string' ? path : path.source}`),
  )
}
