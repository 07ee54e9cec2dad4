import type { KubeObject, Resource } from '../../src/api/object.ts'
import type { Site } from './site.ts'

interface Quota extends KubeObject {
  spec: { hard: Record<string, string>; scopes?: string[] }
  status?: { hard?: Record<string, string> }
}

/** The kind of quotas. */
export const quotas: Resource<Quota> = { group: '', version: 'v1', plural: 'resourcequotas', kind: 'ResourceQuota' }
const name = 'few'

/** Adds a pool, with its name as its label, and a quota that allows none of its pods. */
export async function closeByQuota(site: Site, pool: string): Promise<void> {
  // Only pods with a deadline count in this quota.
  const template = { spec: { activeDeadlineSeconds: 600, containers: [{ name: 'runner', image: 'runner' }] } }
  await site.createPool(pool, { labels: [pool], template })
  await site.create(quotas, { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name }, spec: specFor(0) })
  await site.until('the quota to be in force', async () => (await site.get(quotas, name))?.status?.hard?.['pods'])
}

/** Raises the quota, so that the pool can have pods. */
export async function openQuota(site: Site): Promise<void> {
  const key = { namespace: site.namespace, name }
  await site.client.patchMerge(quotas, key, { spec: specFor(5) }, new AbortController().signal)
}

function specFor(most: number): Quota['spec'] {
  return { hard: { pods: String(most) }, scopes: ['Terminating'] }
}
