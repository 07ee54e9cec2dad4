import type { Caches } from './caches.ts'

type Filled = Pick<Caches, 'jobs' | 'runners' | 'pods' | 'pools' | 'leases'>

/** Whether the caches have all that was there when their watches began. What is shown before would be wrong. */
export function areFilled(caches: Filled): boolean {
  return storesOf(caches).every((store) => store.hasSynced())
}

/** Resolves when they have. */
export async function filled(caches: Filled, signal: AbortSignal): Promise<void> {
  await Promise.all(storesOf(caches).map((store) => store.synced(signal)))
}

function storesOf({ jobs, runners, pods, pools, leases }: Filled) {
  return [jobs, runners, pods, pools, leases]
}
