import { crdOf, kinds } from '../api/crd.ts'
import { GROUP } from '../api/names.ts'
import type { KubeObject, Resource } from '../api/object.ts'
import type { KubeClient } from '../kube/client.ts'
import type { Clock } from '../kube/clock.ts'
import { NotFound } from '../kube/errors.ts'
import type { Log } from '../kube/log.ts'
import { record } from '../kube/parse.ts'
import { resourcePath } from '../kube/resource-path.ts'

interface Definition extends KubeObject {
  status?: { conditions?: { type: string; status: string; message?: string }[] }
}

interface ManagedFields {
  manager?: string
  operation?: string
  subresource?: string
}

const definitions: Resource<Definition> = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
}

/** Who we are to the API server, which remembers whose each field is. */
const MANAGER = 'runnerhub'

/** Brings our CRDs to what this version knows, and waits until they are served. Objects are not touched. */
export async function applyCrds(
  { client, clock, log }: { client: KubeClient; clock: Clock; log: Log },
  signal: AbortSignal,
): Promise<void> {
  for (const kind of kinds) {
    const name = `${kind.resource.plural}.${GROUP}`
    await takeOver(client, name, signal)
    const path = resourcePath(definitions, undefined, name)
    const query = { fieldManager: MANAGER, force: 'true' }
    await client.request(
      'PATCH',
      path,
      { query, body: crdOf(kind), contentType: 'application/apply-patch+yaml' },
      signal,
    )
    await established(client, clock, name, signal)
    log.info({ crd: name }, 'CRD is up to date')
  }
}

/**
 * Makes what Helm or kubectl has created ours. Otherwise fields that this version has dropped would stay: they would
 * still be theirs.
 */
async function takeOver(client: KubeClient, name: string, signal: AbortSignal): Promise<void> {
  const existing = await find(client, name, signal)
  if (existing === undefined) return
  const managed = managedFieldsOf(existing)
  const isOthers = (entry: ManagedFields): boolean => entry.subresource === undefined && entry.manager !== MANAGER
  const first = managed.find(isOthers)
  if (first === undefined) return
  const isOurs = managed.some((entry) => entry.subresource === undefined && entry.manager === MANAGER)
  const ours = isOurs ? [] : [{ ...first, manager: MANAGER, operation: 'Apply' }]
  const patch = [
    { op: 'test', path: '/metadata/resourceVersion', value: existing.metadata.resourceVersion } as const,
    {
      op: 'replace',
      path: '/metadata/managedFields',
      value: [...managed.filter((it) => !isOthers(it)), ...ours],
    } as const,
  ]
  await client.patchJson(definitions, { namespace: '', name }, patch, signal)
}

function managedFieldsOf(object: KubeObject): ManagedFields[] {
  const managed: unknown = Reflect.get(object.metadata, 'managedFields')
  return Array.isArray(managed) ? managed.map((entry: unknown) => record(entry)) : []
}

async function established(client: KubeClient, clock: Clock, name: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    const conditions = (await find(client, name, signal))?.status?.conditions ?? []
    if (conditions.some(({ type, status }) => type === 'Established' && status === 'True')) return
    await clock.sleep(200, signal)
  }
}

async function find(client: KubeClient, name: string, signal: AbortSignal): Promise<Definition | undefined> {
  try {
    return await client.get(definitions, { namespace: '', name }, signal)
  } catch (error) {
    if (error instanceof NotFound) return undefined
    throw error
  }
}
