import { configMaps } from '../../../src/api/config-map.ts'
import { JOB_LABEL, OUTCOME_FINALIZER } from '../../../src/api/names.ts'
import { controllerOf, type KubeObject } from '../../../src/api/object.ts'
import { pods } from '../../../src/api/pod.ts'
import { runnerPools } from '../../../src/api/runner-pool.ts'
import { runnerJobs } from '../../../src/api/runner-job.ts'
import { runners } from '../../../src/api/runner.ts'
import { secrets } from '../../../src/api/secret.ts'
import { isFinal, isFinished } from '../../../src/domain/job/phases.ts'
import { leases } from '../../../src/kube/election/lease.ts'
import { type AuditLog, inWords } from '../../observe/audit.ts'
import { eventually } from '../../observe/eventually.ts'
import type { Site } from '../../site/site.ts'
import { type Acknowledged, failureCode } from './arrivals.ts'
import type { Load } from './load.ts'

const STILL_MS = 1500

/** One pod for each attempt, and no two at a time: by the audit log and by what the kubelet saw. */
export async function onePodPerAttempt({ kubelet, namespace }: Site, audit: AuditLog): Promise<string[]> {
  const created = (await audit.writes(namespace)).filter(
    ({ verb, resource, subresource, code, isDryRun }) =>
      verb === 'create' && resource === 'pods' && subresource === '' && code === 201 && !isDryRun,
  )
  const twice = [...Map.groupBy(created, ({ name }) => name)].filter(([, requests]) => requests.length > 1)
  const early = kubelet.ledger.all.filter(({ others }) => others.length > 0)
  return [
    ...twice.map(([name, requests]) => `${requests.length} creates of the pod ${name} succeeded`),
    ...early.map((record) => `a pod while another one of its job was there: ${JSON.stringify(record)}`),
  ]
}

/**
 * Every acknowledged job ends as its pod did or its user asked; a deleted one is gone. One delegation makes one job. A
 * machine may be too slow for the load, so the limit is for the time in which no job ends.
 */
export async function everyJobEnds(site: Site, load: Load, withinMs: number): Promise<string[]> {
  const open = await lastOpen(load.acknowledged, (job) => !isOver(site, job), withinMs)
  const wrong = load.acknowledged.filter((job) => isOver(site, job) && !isAsMeant(site, job))
  const several = [...load.made].filter(([, uids]) => uids.size > 1)
  const shown = ({ name, fate }: Acknowledged) => `${name} (${fate}): ${JSON.stringify(site.history.named(name))}`
  return [
    ...open.map((job) => `not over, and no other job ended for ${withinMs / 1000} s: ${shown(job)}`),
    ...wrong.map((job) => `over otherwise than meant: ${shown(job)}`),
    ...several.map(([jobId, uids]) => `${uids.size} jobs of one delegation: ${jobId}`),
  ]
}

/** Waits until no job is open; returns those that are when their number has not changed for so long. */
export async function lastOpen(
  jobs: readonly Acknowledged[],
  isOpen: (job: Acknowledged) => boolean,
  withinMs: number,
): Promise<readonly Acknowledged[]> {
  for (let open = jobs; ; ) {
    const before = open.length
    const hasLess = () => (open = open.filter(isOpen)).length < before || before === 0
    const isProgress = await eventually(hasLess, { withinMs, what: 'a job to end', everyMs: 100 }).catch(() => false)
    if (!isProgress || open.length === 0) return open
  }
}

function isOver({ history }: Site, { name, fate }: Acknowledged): boolean {
  const status = history.named(name)
  return fate === 'deleted' ? status === undefined : status !== undefined && isFinal(status.phase)
}

function isAsMeant({ history }: Site, job: Acknowledged): boolean {
  const { name, fate } = job
  const status = history.named(name)
  if (fate === 'deleted') return status === undefined
  return status?.phase === fate && (fate !== 'Failed' || status.exitCode === failureCode(job))
}

/** Nothing is left without its owner, and no pod of a finished job still runs or is held. */
export async function nothingOrphaned(site: Site, withinMs: number): Promise<string[]> {
  let left: string[] = []
  const isClean = async () => (left = await orphans(site)).length === 0
  await eventually(isClean, { withinMs, what: 'nothing to be orphaned', everyMs: 500 }).catch(() => {})
  return left
}

async function orphans(site: Site): Promise<string[]> {
  const [jobs, ofJobs, ofRunners, messages, locks, stored, pools] = await Promise.all([
    site.list(runnerJobs),
    site.list(runners),
    site.list(pods),
    site.list(secrets),
    site.list(leases),
    site.list(configMaps),
    site.list(runnerPools),
  ])
  const owners = new Set([...jobs, ...ofJobs, ...locks, ...pools].map(({ metadata }) => metadata.uid))
  const isOrphan = ({ metadata }: KubeObject) =>
    (metadata.ownerReferences ?? []).some(({ uid }) => !owners.has(uid)) || metadata.deletionTimestamp !== undefined
  const over = new Set(jobs.filter(isFinished).map(({ metadata }) => metadata.uid))
  const runnersOver = new Set(
    ofJobs.filter((runner) => over.has(controllerOf(runner)?.uid ?? '')).map(({ metadata }) => metadata.uid),
  )
  const held = ofRunners.filter((pod) => {
    const ends = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'
    const isHeld = pod.metadata.finalizers?.includes(OUTCOME_FINALIZER) === true
    return runnersOver.has(controllerOf(pod)?.uid ?? '') && (!ends || isHeld)
  })
  // A message is needed until its job runs. One whose job was never made is deleted after minutes.
  const known = new Map(jobs.map((job) => [job.metadata.name, job]))
  const isLeft = ({ metadata }: KubeObject): boolean => {
    const job = known.get(metadata.labels?.[JOB_LABEL] ?? '')
    return job !== undefined && isFinished(job)
  }
  // A proxy runner has a Lease of its own.
  const elections = locks.filter(
    ({ metadata: { labels, ownerReferences } }) => labels?.[JOB_LABEL] === undefined && ownerReferences === undefined,
  )
  return [
    ...[...jobs, ...ofJobs, ...ofRunners, ...messages, ...stored]
      .filter(isOrphan)
      .map((object) => `left: ${nameOf(object)}`),
    ...held.map(
      (pod) => `its job is over: ${nameOf(pod)} ${pod.status?.phase} [${pod.metadata.finalizers?.join(' ')}]`,
    ),
    ...[...messages, ...locks].filter(isLeft).map((object) => `its job is over: ${nameOf(object)}`),
    ...elections.slice(1).map((lease) => `one Lease too many: ${nameOf(lease)}`),
  ]
}

function nameOf({ kind, metadata }: KubeObject): string {
  return `${kind} ${metadata.name} ${metadata.uid}`
}

/** Once the last writes are done, the operators write nothing but their Lease for a while. */
export async function idleWritesNothing(site: Site, idleMs: number, withinMs: number): Promise<string[]> {
  const audit = site.plane.audit()
  await audit.mark()
  let writes: string[] = []
  let since = performance.now()
  const idle = async (): Promise<boolean> => {
    const { leases: _, ...rest } = await audit.columns(site.namespace)
    const now = inWords(Object.values(rest).flat())
    if (now.length !== writes.length) since = performance.now()
    writes = now
    return performance.now() - since > STILL_MS + idleMs
  }
  const isIdle = await eventually(idle, { withinMs, what: 'no writes', everyMs: 250 }).catch(() => false)
  return isIdle ? [] : writes.slice(-10).map((write) => `still writes after ${withinMs / 1000} s: ${write}`)
}
