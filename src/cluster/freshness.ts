import type { Caches } from './caches.ts'

/** How long what is known of a cluster that does not answer is good enough to be shown. */
export const GRACE_MS = 5 * 60_000

type Filled = Pick<Caches, 'jobs' | 'runners' | 'pods' | 'pools' | 'leases'>

/** Whether the caches have all that was there when their watches began. What is shown before would be wrong. */
export function hasSynced(caches: Filled): boolean {
  return storesOf(caches).every((store) => store.hasSynced())
}

/** Resolves when they have. */
export async function waitForSync(caches: Filled, signal: AbortSignal): Promise<void> {
  await Promise.all(storesOf(caches).map((store) => store.synced(signal)))
}

/** Whether a watch broke and has not gone on since: changes may have been missed. */
export function isStale({ reflectors }: Pick<Caches, 'reflectors'>): boolean {
  return reflectors.some((reflector) => reflector.isBroken())
}

/** Whether every cache has heard of its server within the grace period. */
export function heardRecently({ reflectors }: Pick<Caches, 'reflectors'>, nowMs: number): boolean {
  return reflectors.every((reflector) => nowMs - (reflector.lastContactMs() ?? -Infinity) < GRACE_MS)
}

function storesOf({ jobs, runners, pods, pools, leases }: Filled) {
  return [jobs, runners, pods, pools, leases]
}
