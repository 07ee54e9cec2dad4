import type { KubeObject, Resource } from '../../api/object.ts'
import { pods } from '../../api/pod.ts'
import { runnerJobs } from '../../api/runner-job.ts'
import { runners } from '../../api/runner.ts'
import type { Drift } from '../../domain/drift/drift.ts'
import { driftsAt, type Place, runnerOfPod } from '../../domain/drift/place-drift.ts'
import { runnerRepair } from '../../domain/drift/runner-repair.ts'
import { restorePod } from '../pod/restore.ts'
import type { AuditDeps, Found } from './found.ts'
import { livePlaceAt } from './places.ts'
import { reconciledFor } from './suspects.ts'

/** The drift of this kind at a place, if the API server shows it too, and whether the pod is there. */
export async function confirmPlace(
  deps: AuditDeps,
  { key, kind }: Pick<Drift, 'key' | 'kind'>,
  signal: AbortSignal,
): Promise<{ found: Found | undefined; hasPod: boolean }> {
  const place = await livePlaceAt(deps, key, signal)
  const drift = driftsAt(place).find((each) => each.kind === kind)
  const about = drift && objectOf(place, drift)
  const hasPod = place.pod !== undefined
  if (drift === undefined || about === undefined) return { found: undefined, hasPod }
  return { found: { drift, about, heal: (healing) => heal(deps, place, drift, healing) }, hasPod }
}

function objectOf(
  { job, runner, pod }: Place,
  { kind }: Drift,
): { resource: Resource; object: KubeObject } | undefined {
  if (kind === 'pod') return pod && { resource: pods, object: pod }
  if (kind === 'runner') return runner && { resource: runners, object: runner }
  return job && { resource: runnerJobs, object: job }
}

async function heal(deps: AuditDeps, place: Place, drift: Drift, signal: AbortSignal): Promise<void> {
  const next = reconciledFor({ drift, at: { is: 'place', key: place.key } })
  if (next !== undefined) return deps.wake(next.kind, next.key)
  if (drift.remedy !== 'restore') return
  return drift.kind === 'pod' ? restoredPod(deps, place, signal) : restoredRunner(deps, place, signal)
}

async function restoredPod(deps: AuditDeps, place: Place, signal: AbortSignal): Promise<void> {
  const { pod, job } = place
  if (pod !== undefined && job !== undefined) await restorePod(deps, pod, { job, runner: runnerOfPod(place) }, signal)
}

async function restoredRunner({ client, caches }: AuditDeps, place: Place, signal: AbortSignal): Promise<void> {
  const { runner, jobOfRunner: job } = place
  if (runner === undefined || job === undefined) return
  const metadata = { ...runner.metadata, ...runnerRepair(runner, job) }
  caches.runners.applyOwn(await client.replace(runners, { ...runner, metadata }, signal))
}
