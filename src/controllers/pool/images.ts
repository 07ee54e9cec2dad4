import { isDeepStrictEqual } from 'node:util'
import { type RunnerPool, runnerPools, type RunnerPoolStatus } from '../../api/runner-pool.ts'
import { IMAGES_PULLED, statusWithImages, statusWithoutImages } from '../../domain/pre-pull/presence.ts'
import type { ReconcileContext, Result } from '../../kube/controller/controller.ts'
import type { ReconcilerDeps } from '../deps.ts'
import { WaitingSince } from '../job/waiting-since.ts'
import { writeStatus } from '../writes.ts'
import { settle, type Settled } from './image-sets.ts'

/** How soon DaemonSets that are not as they should be are looked at again. */
const AGAIN_MS = 5000

/** For how long settled ones are not: somebody may delete or change them. */
const TRUSTED_MS = 600_000

/** Where images are is written once it has not changed for this long, */
const STEADY_MS = 500
/** and while it changes all the time this often. */
const LATEST_MS = 5000

/** What was last seen of a pool's DaemonSets. */
interface Seen extends Settled {
  /** UID and generation of the pool. */
  version: string
  /** Every node had its pod. */
  isSettled: boolean
  againAtMs: number
}

/**
 * Keeps the images of pools that want it on their nodes, by DaemonSets that go with their pool, and writes into its
 * status where they are. Jobs run all the same where that fails.
 */
export function imageKeeper(deps: ReconcilerDeps) {
  const { caches, clock } = deps
  const seen = new Map<string, Seen>()
  const writer = presenceWriter(deps)

  return async function keepImages(key: string, { signal }: ReconcileContext): Promise<Result> {
    const pool = caches.pools.get(key)
    if (pool === undefined || (pool.spec.prePull !== true && !hasTraces(pool, key))) return forget(key)
    const found = await lookAt(key, pool, signal)
    const latest = caches.pools.get(key)
    if (latest === undefined) return forget(key)
    const againMs = Math.max(1, found.againAtMs - clock.monotonicMs())
    const pods = caches.prePullPods.byIndex('pool', key)
    const status =
      latest.spec.prePull === true
        ? statusWithImages(latest, { ...found, pods }, clock.now())
        : statusWithoutImages(latest)
    const leftMs = await writer.write(key, latest, status, signal)
    return { requeueAfterMs: Math.min(againMs, leftMs ?? againMs) }
  }

  function forget(key: string): Result {
    seen.delete(key)
    writer.forget(key)
    return {}
  }

  /** Whether a pool that does not want it may still have DaemonSets. */
  function hasTraces({ status }: RunnerPool, key: string): boolean {
    const isShown = status?.images !== undefined || status?.conditions?.some(({ type }) => type === IMAGES_PULLED)
    return (
      isShown === true ||
      caches.prePullPods.byIndex('pool', key).some(({ metadata }) => metadata.deletionTimestamp === undefined)
    )
  }

  /** The DaemonSets are looked at when the pool changes, when nodes come or go, and from time to time. */
  async function lookAt(key: string, pool: RunnerPool, signal: AbortSignal): Promise<Seen> {
    const version = `${pool.metadata.uid} ${pool.metadata.generation}`
    const pods = caches.prePullPods.indexSize('pool', key)
    const known = seen.get(key)
    const isDue = known?.version !== version || clock.monotonicMs() >= known.againAtMs
    const isOutgrown = known?.isSettled === true && known.desiredNodes !== pods
    if (known !== undefined && !isDue && !isOutgrown) return known
    const found = await settle(deps, pool, signal)
    const isSettled = found.problem === undefined && found.desiredNodes === pods
    const againAtMs = clock.monotonicMs() + (isSettled ? TRUSTED_MS : AGAIN_MS)
    const next = { ...found, version, isSettled, againAtMs }
    seen.set(key, next)
    return next
  }
}

function verdictIn(status: RunnerPoolStatus | undefined) {
  return status?.conditions?.find(({ type }) => type === IMAGES_PULLED)
}

/** An Event for each trouble, once. */
function announce({ recorder }: ReconcilerDeps, pool: RunnerPool, status: RunnerPoolStatus): void {
  const verdict = verdictIn(status)
  const isTrouble = verdict?.status === 'False' && verdict.reason !== 'Pulling'
  if (!isTrouble || verdict.message === verdictIn(pool.status)?.message) return
  const { reason, message } = verdict
  const event = { type: 'Warning', reason, message, action: 'PrePullImages' } as const
  recorder.record({ resource: runnerPools, object: pool }, event)
}

/** Writes where the images of pools are: at a bounded rate, however many pods change. */
function presenceWriter(deps: ReconcilerDeps) {
  const steady = new WaitingSince(deps.clock)
  const stale = new WaitingSince(deps.clock)
  return { write, forget }

  /** Returns how soon a change that has not lasted yet is looked at again. */
  async function write(
    key: string,
    pool: RunnerPool,
    status: RunnerPoolStatus,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    if (isDeepStrictEqual(status, pool.status)) {
      forget(key)
      return undefined
    }
    const steadyMs = steady.ageMs(key, JSON.stringify([status.images, verdictIn(status)]))
    const leftMs = Math.min(STEADY_MS - steadyMs, LATEST_MS - stale.ageMs(key, 'stale'))
    if (leftMs > 0) return leftMs
    await writeStatus({ ...deps, store: deps.caches.pools, resource: runnerPools }, { ...pool, status }, signal)
    stale.forget(key)
    announce(deps, pool, status)
    return undefined
  }

  function forget(key: string): void {
    steady.forget(key)
    stale.forget(key)
  }
}
