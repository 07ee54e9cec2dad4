import type { Clock } from '../kube/runtime/clock.ts'
import type { Log } from '../kube/runtime/logger.ts'
import type { KeptStore } from './store.ts'

const EVERY_MS = 600_000

/** No log is deleted so soon after it was stored: its job may not be in every cache yet. */
const SHORTEST_MS = 300_000

export interface SweeperOptions {
  store: KeptStore
  namespace: string
  /** How long a log is kept after its job is gone, counted from its last part. */
  ttlMs: number
  exists: (jobUid: string) => boolean
  clock: Clock
  log: Log
}

/** Deletes the logs of deleted jobs, every ten minutes until the signal. */
export async function sweepArchive(options: SweeperOptions, signal: AbortSignal): Promise<void> {
  const { clock, log } = options
  while (!signal.aborted) {
    try {
      const deleted = await sweepOnce(options, signal)
      if (deleted > 0) log.info({ deleted }, 'deleted the logs of deleted jobs')
    } catch (error) {
      if (!signal.aborted) log.warn({ err: error }, 'cannot delete the logs of deleted jobs')
    }
    await clock.sleep(EVERY_MS, signal).catch(() => undefined)
  }
}

/** Deletes what is due now, and returns of how many jobs it was. */
export async function sweepOnce(
  { store, namespace, ttlMs, exists, clock }: SweeperOptions,
  signal: AbortSignal,
): Promise<number> {
  let deleted = 0
  const latest = clock.now().getTime() - Math.max(ttlMs, SHORTEST_MS)
  for await (const { jobUid, storedAt } of store.jobs(namespace, signal)) {
    if (exists(jobUid) || (await storedAt()).getTime() > latest) continue
    await store.delete(namespace, jobUid, signal)
    deleted += 1
  }
  return deleted
}
