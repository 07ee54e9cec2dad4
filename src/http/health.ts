import { runnerPools } from '../api/runner-pool.ts'
import { heardRecently, hasSynced } from '../cluster/freshness.ts'
import { Forbidden } from '../kube/client/errors.ts'
import { resourcePath } from '../kube/client/resource-path.ts'
import type { FacadeDeps, Handlers } from './context.ts'

/** How long a probe of the API server may take, and how long its result is reused. */
const PROBE_MS = 2000

/** /health, /livez and /readyz: no token needed. */
export function healthHandlers(deps: FacadeDeps): Handlers<'health' | 'livez' | 'readyz'> {
  const isClusterWell = probe(deps)
  return {
    health: async (ctx) => {
      const pass = hasSynced(deps.caches) && (await isClusterWell())
      ctx.status = pass ? 200 : 503
      ctx.body = {
        status: pass ? 'healthy' : 'unhealthy',
        timestamp: deps.clock.now().toISOString(),
        checks: { database: pass ? 'pass' : 'fail' },
      }
    },
    livez: (ctx) => {
      ctx.body = 'ok'
    },
    readyz: (ctx) => {
      const problem = whyNotReady(deps)
      ctx.status = problem === undefined ? 200 : 503
      ctx.body = problem ?? 'ok'
    },
  }
}

/** Why other replicas serve callers better; undefined if ready. A short outage of the cluster is no reason. */
function whyNotReady({ caches, clock }: FacadeDeps): string | undefined {
  if (!hasSynced(caches)) return 'caches have not synced yet'
  return heardRecently(caches, clock.monotonicMs()) ? undefined : 'no contact with the cluster for five minutes'
}

/** Whether the API server and its etcd are healthy. Without permission for /readyz, a list is read instead. */
async function isWell({ client, namespace }: Pick<FacadeDeps, 'client' | 'namespace'>): Promise<boolean> {
  const signal = AbortSignal.timeout(PROBE_MS)
  try {
    await client.request('GET', '/readyz', {}, signal)
    return true
  } catch (error) {
    if (!(error instanceof Forbidden)) return false
    const pools = resourcePath(runnerPools, namespace)
    return client.request('GET', pools, { query: { limit: '1' } }, signal).then(
      () => true,
      () => false,
    )
  }
}

/** Probes the cluster at most once per PROBE_MS, however many requests come. */
function probe(deps: FacadeDeps): () => Promise<boolean> {
  let latest: { atMs: number; result: Promise<boolean> } | undefined
  return () => {
    const atMs = deps.clock.monotonicMs()
    if (latest !== undefined && atMs - latest.atMs < PROBE_MS) return latest.result
    const result = isWell(deps)
    latest = { atMs, result }
    return result
  }
}
