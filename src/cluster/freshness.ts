import type { Caches } from './caches.ts'

/** How long cached data may be shown while the API server does not answer. */
export const GRACE_MS = 5 * 60_000

type Filled = Pick<Caches, 'jobs' | 'runners' | 'pods' | 'pools' | 'leases'>

/** Whether the caches have completed their first list. Before that their contents are incomplete. */
export function hasSynced(caches: Filled): boolean {
  return storesOf(caches).every((store) => store.hasSynced())
}

/** Resolves when the caches have completed their first list. */
export async function waitForSync(caches: Filled, signal: AbortSignal): Promise<void> {
  await Promise.all(storesOf(caches).map((store) => store.synced(signal)))
}

/** Whether a watch is broken: the caches may miss changes. */
export function isStale({ reflectors }: Pick<Caches, 'reflectors'>): boolean {
  return reflectors.some((reflector) => reflector.isBroken())
}

/** Whether every cache has had contact with the API server within the grace period. */
export function heardRecently({ reflectors }: Pick<Caches, 'reflectors'>, nowMs: number): boolean {
  return reflectors.every((reflector) => nowMs - (reflector.lastContactMs() ?? -Infinity) < GRACE_MS)
}

function storesOf({ jobs, runners, pods, pools, leases }: Filled) {
  return [jobs, runners, pods, pools, leases]
}
