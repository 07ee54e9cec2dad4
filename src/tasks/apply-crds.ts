import { crdOf, kinds } from '../api/crd.ts'
import { GROUP } from '../api/names.ts'
import type { KubeObject, Resource } from '../api/object.ts'
import type { KubeClient } from '../kube/client/client.ts'
import { resourcePath } from '../kube/client/resource-path.ts'
import type { Clock } from '../kube/runtime/clock.ts'
import type { Log } from '../kube/runtime/logger.ts'

interface Definition extends KubeObject {
  status?: { conditions?: { type: string; status: string; message?: string }[] }
}

const definitions: Resource<Definition> = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
}

/** Our field manager, the owner of the applied fields. */
const MANAGER = 'runnerhub'

/**
 * Applies the CRDs of this version, and waits until they are served. Objects are not changed. The API server treats the
 * list of versions with their schemas as one value: schema parts that this version dropped are removed, whoever added
 * them.
 */
export async function applyCrds(
  { client, clock, log }: { client: KubeClient; clock: Clock; log: Log },
  signal: AbortSignal,
): Promise<void> {
  for (const kind of kinds) {
    const name = `${kind.resource.plural}.${GROUP}`
    const path = resourcePath(definitions, undefined, name)
    const query = { fieldManager: MANAGER, force: 'true' }
    await client.request(
      'PATCH',
      path,
      { query, body: crdOf(kind), contentType: 'application/apply-patch+yaml' },
      signal,
    )
    await untilEstablished(client, clock, name, signal)
    log.info({ crd: name }, 'CRD is up to date')
  }
}

async function untilEstablished(client: KubeClient, clock: Clock, name: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    const conditions = (await client.find(definitions, { namespace: '', name }, signal))?.status?.conditions ?? []
    if (conditions.some(({ type, status }) => type === 'Established' && status === 'True')) return
    await clock.sleep(200, signal)
  }
}
