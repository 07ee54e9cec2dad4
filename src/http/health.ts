import { areCurrent, areFilled } from '../cluster/freshness.ts'
import type { KubeClient } from '../kube/client/client.ts'
import type { FacadeParts, Handlers } from './context.ts'

/** How old an answer of the API server may be that still counts, and how long it may take. */
const PROBE_MS = 2000

/** /health, /livez and /readyz: open to everybody. */
export function healthHandlers(parts: FacadeParts): Handlers<'health' | 'livez' | 'readyz'> {
  const clusterAnswers = probe(parts)
  return {
    health: async (ctx) => {
      const pass = areFilled(parts.caches) && (await clusterAnswers())
      ctx.status = pass ? 200 : 503
      ctx.body = {
        status: pass ? 'healthy' : 'unhealthy',
        timestamp: parts.clock.now().toISOString(),
        checks: { database: pass ? 'pass' : 'fail' },
      }
    },
    livez: (ctx) => {
      ctx.body = 'ok'
    },
    readyz: (ctx) => {
      const why = whyNotReady(parts)
      ctx.status = why === undefined ? 200 : 503
      ctx.body = why ?? 'ok'
    },
  }
}

/** Why callers are better served elsewhere; undefined where they are not. An outage of the cluster alone is no reason. */
function whyNotReady({ caches, clock }: FacadeParts): string | undefined {
  if (!areFilled(caches)) return 'caches are not filled yet'
  return areCurrent(caches, clock.monotonicMs()) ? undefined : 'the cluster has not been heard of for five minutes'
}

/** Asks the API server whether it and its etcd are well, at most once in a while however many ask us. */
function probe({ client, clock }: { client: KubeClient; clock: FacadeParts['clock'] }): () => Promise<boolean> {
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
