import { heardRecently, hasSynced } from '../cluster/freshness.ts'
import type { KubeClient } from '../kube/client/client.ts'
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

/** Asks the API server whether it and its etcd are well, at most once in a while however many ask us. */
function probe({ client, clock }: { client: KubeClient; clock: FacadeDeps['clock'] }): () => Promise<boolean> {
  let asked: { atMs: number; answer: Promise<boolean> } | undefined
  return () => {
    const atMs = clock.monotonicMs()
    if (asked !== undefined && atMs - asked.atMs < PROBE_MS) return asked.answer
    const answer = client.request('GET', '/readyz', {}, AbortSignal.timeout(PROBE_MS)).then(
      () => true,
      () => false,
    )
    asked = { atMs, answer }
    return answer
  }
}
