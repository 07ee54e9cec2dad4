import { runnerPools } from '../api/runner-pool.ts'
import { heardRecently, hasSynced } from '../cluster/freshness.ts'
import { Forbidden } from '../kube/client/errors.ts'
import { resourcePath } from '../kube/client/resource-path.ts'
import type { FacadeDeps, Handlers } from './context.ts'

/** How old an answer of the API server may be that still counts, and how long it may take. */
const PROBE_MS = 2000

/** /health, /livez and /readyz: open to everybody. */
export function healthHandlers(deps: FacadeDeps): Handlers<'health' | 'livez' | 'readyz'> {
  const clusterAnswers = probe(deps)
  return {
    health: async (ctx) => {
      const pass = hasSynced(deps.caches) && (await clusterAnswers())
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
      const why = whyNotReady(deps)
      ctx.status = why === undefined ? 200 : 503
      ctx.body = why ?? 'ok'
    },
  }
}

/** Why callers are better served elsewhere; undefined where they are not. An outage of the cluster alone is no reason. */
function whyNotReady({ caches, clock }: FacadeDeps): string | undefined {
  if (!hasSynced(caches)) return 'caches are not filled yet'
  return heardRecently(caches, clock.monotonicMs()) ? undefined : 'the cluster has not been heard of for five minutes'
}

/** Whether the API server and its etcd are well. Who may not ask it outright (a right of all, mostly) reads something. */
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

/** Asks at most once in a while, however many ask us. */
function probe(deps: FacadeDeps): () => Promise<boolean> {
  let asked: { atMs: number; answer: Promise<boolean> } | undefined
  return () => {
    const atMs = deps.clock.monotonicMs()
    if (asked !== undefined && atMs - asked.atMs < PROBE_MS) return asked.answer
    const answer = isWell(deps)
    asked = { atMs, answer }
    return answer
  }
}
