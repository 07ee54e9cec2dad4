import { ConcurrencyLimit } from '../../src/auth/concurrency-limit.ts'
import type { Caches } from '../../src/cluster/caches.ts'
import { Redactor } from '../../src/domain/log/redaction.ts'
import type { FacadeDeps } from '../../src/http/context.ts'
import type { KubeClient } from '../../src/kube/client/client.ts'
import type { Clock } from '../../src/kube/runtime/clock.ts'
import { RecordedLog } from '../documents/recorded-log.ts'

/** The dependencies of a facade's routes, for tests that are about these three. */
export function facadeParts(parts: { client: KubeClient; caches: Caches; clock: Clock }): FacadeDeps {
  return {
    ...parts,
    namespace: 'ns',
    log: new RecordedLog(),
    newId: () => 'a1',
    closing: new AbortController().signal,
    version: '1',
    idempotencyWindowMs: 1000,
    heartbeatMs: 1000,
    redactor: () => new Redactor(),
    maxProxies: 1,
    logStreams: new ConcurrencyLimit(1),
    metrics: { contentType: '', text: async () => '', answered: () => undefined },
  }
}
