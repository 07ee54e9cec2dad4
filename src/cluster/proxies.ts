import { API_VERSION, MANAGED_BY, MANAGED_BY_LABEL, PROXY, RUNNER_TYPE_LABEL } from '../api/names.ts'
import { keyOf, type NewObject } from '../api/object.ts'
import { type Runner, runners, type RunnerSpec } from '../api/runner.ts'
import { MISSED_HEARTBEATS } from '../domain/proxy/presence.ts'
import type { KubeClient } from '../kube/client/client.ts'
import { AlreadyExists, Conflict, NotFound } from '../kube/client/errors.ts'
import { splitKey } from '../kube/client/resource-path.ts'
import { type Lease, leases, microTime } from '../kube/election/lease.ts'
import type { Caches } from './caches.ts'

/** The labels of proxy Runners and of their Leases. */
const labels = { [MANAGED_BY_LABEL]: MANAGED_BY, [RUNNER_TYPE_LABEL]: PROXY }

/** The facts of a proxy runner in a heartbeat or delegation. */
export type ProxyFacts = { displayName: string } & Pick<Partial<RunnerSpec>, 'labels' | 'repository'>

interface Writer {
  client: KubeClient
  caches: Caches
}

/** The Lease of this very Runner, not of an earlier one of the same name. */
export function leaseOf(caches: Caches, runner: Runner): Lease | undefined {
  const lease = caches.leases.get(keyOf(runner))
  return lease !== undefined && isLeaseOf(lease, runner) ? lease : undefined
}

/** Whether a Lease belongs to this very Runner, by its owner reference. */
export function isLeaseOf({ metadata }: Lease, runner: Runner): boolean {
  return metadata.ownerReferences?.some(({ uid }) => uid === runner.metadata.uid) === true
}

/** Creates the Runner of a proxy runner, or gets the one that another writer has just created. */
export async function registerProxy(
  { client, caches }: Writer,
  key: string,
  facts: ProxyFacts,
  signal: AbortSignal,
): Promise<{ runner: Runner; isNew: boolean }> {
  try {
    const runner = await client.create(runners, newProxy(key, facts), signal)
    caches.runners.applyOwn(runner)
    return { runner, isNew: true }
  } catch (error) {
    if (!(error instanceof AlreadyExists)) throw error
    const runner = await client.get(runners, splitKey(key), signal)
    caches.runners.applyOwn(runner)
    return { runner, isNew: false }
  }
}

function newProxy(key: string, facts: ProxyFacts): NewObject<Runner> {
  const metadata = { ...splitKey(key), labels: { ...labels } }
  return { apiVersion: API_VERSION, kind: 'Runner', metadata, spec: { type: 'Proxy', attempt: 1, ...facts } }
}

/** Each failed attempt lost to another writer of the same Lease. */
const MOST_ATTEMPTS = 5

/** Writes a heartbeat to a proxy runner's Lease. An equal write by another replica makes ours unnecessary. */
export async function renewProxy(
  { client, caches }: Writer,
  runner: Runner,
  heartbeat: { at: Date; heartbeatMs: number },
  signal: AbortSignal,
): Promise<void> {
  let known = caches.leases.get(keyOf(runner))
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
    try {
      const lease = newLease(runner, heartbeat)
      const { spec, metadata } = lease
      const renewed = known && {
        ...known,
        spec: { ...known.spec, ...spec },
        metadata: { ...known.metadata, ...metadata },
      }
      const written = renewed ? client.replace(leases, renewed, signal) : client.create(leases, lease, signal)
      caches.leases.applyOwn(await written)
      return
    } catch (error) {
      if (!(error instanceof Conflict || error instanceof AlreadyExists || error instanceof NotFound)) throw error
      known = await readLease({ client, caches }, keyOf(runner), signal)
      if (known !== undefined && isLeaseOf(known, runner) && isAfter(known, heartbeat)) return
    }
  }
}

function newLease(runner: Runner, { at, heartbeatMs }: { at: Date; heartbeatMs: number }): NewObject<Lease> {
  const { name, uid, namespace } = runner.metadata
  const owner = { apiVersion: API_VERSION, kind: 'Runner', name, uid }
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, ...(namespace !== undefined && { namespace }), labels: { ...labels }, ownerReferences: [owner] },
    spec: {
      holderIdentity: name,
      leaseDurationSeconds: Math.ceil((heartbeatMs * MISSED_HEARTBEATS) / 1000),
      renewTime: microTime(at),
    },
  }
}

function isAfter({ spec }: Lease, { at, heartbeatMs }: { at: Date; heartbeatMs: number }): boolean {
  return at.getTime() - Date.parse(spec?.renewTime ?? '') < heartbeatMs / 3
}

/** Gets the Lease of a proxy runner from the API server and updates the cache; undefined if there is none. */
export async function readLease(
  { client, caches }: Writer,
  key: string,
  signal: AbortSignal,
): Promise<Lease | undefined> {
  const lease = await client.find(leases, splitKey(key), signal)
  if (lease !== undefined) caches.leases.applyOwn(lease)
  return lease
}
