import { configMaps } from '../../api/config-map.ts'
import { type DaemonSet, daemonSets } from '../../api/daemon-set.ts'
import { keyOf, type NewObject } from '../../api/object.ts'
import type { RunnerPool } from '../../api/runner-pool.ts'
import {
  daemonSetNames,
  daemonSetsOf,
  daemonSetStep,
  holdConfigMap,
  ownershipOf,
} from '../../domain/pre-pull/daemon-sets.ts'
import type { PrePullProblem } from '../../domain/pre-pull/presence.ts'
import { AlreadyExists } from '../../kube/client/errors.ts'
import type { ObjectKey } from '../../kube/client/resource-path.ts'
import type { ReconcilerDeps } from '../deps.ts'
import { refusalOf } from '../runner/pod-refusal.ts'
import { asWritten, deleteObject } from '../writes.ts'
import { failedCreate } from './daemon-set-events.ts'

/** The DaemonSets of a pool as they were left. */
export interface Settled {
  desiredNodes: number
  problem: PrePullProblem | undefined
}

const unsupported: PrePullProblem = {
  reason: 'PrePullUnsupported',
  message:
    'images are kept only on Linux nodes of the architectures amd64 and arm64, and the template allows none of these',
}

const taken: PrePullProblem = {
  reason: 'NameTaken',
  message: 'a DaemonSet of another owner has the name of one of this pool',
}

/**
 * Makes the DaemonSets that a pool wants, and deletes those that it does not want any more. Returns how many nodes are to
 * have its images.
 */
export async function settle(deps: ReconcilerDeps, pool: RunnerPool, signal: AbortSignal): Promise<Settled> {
  const wanted = pool.spec.prePull === true ? daemonSetsOf(pool) : []
  try {
    await removeOthers(deps, pool, wanted, signal)
    if (pool.spec.prePull !== true) return { desiredNodes: 0, problem: undefined }
    if (wanted.length === 0) return { desiredNodes: 0, problem: unsupported }
    await ensureProgram(deps, pool, signal)
    const sets = await Promise.all(wanted.map((set) => ensure(deps, pool, set, signal)))
    const desiredNodes = sets.reduce((sum, set) => sum + (set?.status?.desiredNumberScheduled ?? 0), 0)
    return { desiredNodes, problem: await problemOf(deps, pool, sets, signal) }
  } catch (error) {
    const refusal = refusalOf(error)
    if (refusal === undefined) throw error
    return { desiredNodes: 0, problem: refusal }
  }
}

async function removeOthers(
  { client }: ReconcilerDeps,
  pool: RunnerPool,
  wanted: readonly NewObject<DaemonSet>[],
  signal: AbortSignal,
) {
  const kept = new Set(wanted.map(({ metadata }) => metadata.name))
  for (const name of daemonSetNames(pool).filter((each) => !kept.has(each))) {
    const found = await client.find(daemonSets, placeOf(pool, name), signal)
    if (found !== undefined && ownershipOf(found, pool) === 'ours')
      await deleteObject(client, daemonSets, found, signal)
  }
}

async function ensureProgram({ client }: ReconcilerDeps, pool: RunnerPool, signal: AbortSignal): Promise<void> {
  const wanted = holdConfigMap(pool)
  if ((await client.find(configMaps, placeOf(pool, wanted.metadata.name), signal)) !== undefined) return
  try {
    await client.create(configMaps, wanted, signal)
  } catch (error) {
    if (!(error instanceof AlreadyExists)) throw error
  }
}

/** The DaemonSet as it is now; undefined as long as it cannot be ours. */
async function ensure(
  { client }: ReconcilerDeps,
  pool: RunnerPool,
  wanted: NewObject<DaemonSet>,
  signal: AbortSignal,
): Promise<DaemonSet | undefined> {
  const known = await client.find(daemonSets, placeOf(pool, wanted.metadata.name), signal)
  const step = daemonSetStep(known, wanted, pool)
  switch (step.is) {
    case 'create':
      return client.create(daemonSets, wanted, signal, asWritten)
    case 'replace':
      return client.replace(daemonSets, step.with, signal)
    case 'right':
      return known
    case 'foreign':
    case 'wait':
      return undefined
    default:
      return step satisfies never
  }
}

/** Nodes without a pod may have been refused one: only an Event of the DaemonSet says so. */
async function problemOf(
  { client, caches }: ReconcilerDeps,
  pool: RunnerPool,
  sets: readonly (DaemonSet | undefined)[],
  signal: AbortSignal,
): Promise<PrePullProblem | undefined> {
  if (sets.includes(undefined)) return taken
  for (const set of sets) {
    if (set === undefined || caches.prePullPods.indexSize('pool', keyOf(pool)) > 0) continue
    const refused = (set.status?.desiredNumberScheduled ?? 0) > 0 && (await failedCreate(client, set, signal))
    if (typeof refused === 'string') return { reason: 'PodCreateFailed', message: refused }
  }
  return undefined
}

function placeOf({ metadata: { namespace = '' } }: RunnerPool, name: string): ObjectKey {
  return { namespace, name }
}
