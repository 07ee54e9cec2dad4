import { OUTCOME_FINALIZER } from '../../../src/api/names.ts'
import { controllerOf, type KubeObject, type Resource } from '../../../src/api/object.ts'
import { pods } from '../../../src/api/pod.ts'
import { runnerJobs } from '../../../src/api/runner-job.ts'
import { runners } from '../../../src/api/runner.ts'
import type { Secret } from '../../../src/api/secret.ts'
import { isFinal, isFinished } from '../../../src/domain/job/phases.ts'
import { leases } from '../../../src/kube/election/lease.ts'
import { type AuditLog, inWords } from '../../observe/audit.ts'
import { eventually } from '../../observe/eventually.ts'
import type { Site } from '../../site/site.ts'
import type { Acknowledged, Load } from './load.ts'

const secrets: Resource<Secret> = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret' }
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

/** Every acknowledged job ends as its pod did or its user asked; a deleted one is gone. One delegation makes one job. */
export async function everyJobEnds(site: Site, load: Load, withinMs: number): Promise<string[]> {
  let open: readonly Acknowledged[] = load.acknowledged
  const hasEnded = () => (open = open.filter((job) => !isOver(site, job))).length === 0
  await eventually(hasEnded, { withinMs, what: 'every acknowledged job to end', everyMs: 100 }).catch(() => {})
  const wrong = load.acknowledged.filter((job) => isOver(site, job) && !isAsMeant(site, job))
  const several = [...load.made].filter(([, uids]) => uids.size > 1)
  const shown = ({ name, fate }: Acknowledged) => `${name} (${fate}): ${JSON.stringify(site.history.named(name))}`
  return [
    ...open.map((job) => `not over after ${withinMs / 1000} s: ${shown(job)}`),
    ...wrong.map((job) => `over otherwise than meant: ${shown(job)}`),
    ...several.map(([jobId, uids]) => `${uids.size} jobs of one delegation: ${jobId}`),
  ]
}

function isOver({ history }: Site, { name, fate }: Acknowledged): boolean {
  const status = history.named(name)
  return fate === 'deleted' ? status === undefined : status !== undefined && isFinal(status.phase)
}

function isAsMeant({ history }: Site, { name, fate }: Acknowledged): boolean {
  const status = history.named(name)
  if (fate === 'deleted') return status === undefined
  return status?.phase === fate && (fate !== 'Failed' || status.exitCode === 3)
}

/** Nothing is left without its owner, and no pod of a finished job still runs or is held. */
export async function nothingOrphaned(site: Site, withinMs: number): Promise<string[]> {
  let left: string[] = []
  const isClean = async () => (left = await orphans(site)).length === 0
  await eventually(isClean, { withinMs, what: 'nothing to be orphaned', everyMs: 500 }).catch(() => {})
  return left
}

async function orphans(site: Site): Promise<string[]> {
  const [jobs, ofJobs, ofRunners, messages, locks] = await Promise.all([
    site.list(runnerJobs),
    site.list(runners),
    site.list(pods),
    site.list(secrets),
    site.list(leases),
  ])
  const owners = new Set([...jobs, ...ofJobs].map(({ metadata }) => metadata.uid))
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
  return [
    ...[...jobs, ...ofJobs, ...ofRunners, ...messages].filter(isOrphan).map((object) => `left: ${nameOf(object)}`),
    ...held.map(
      (pod) => `its job is over: ${nameOf(pod)} ${pod.status?.phase} [${pod.metadata.finalizers?.join(' ')}]`,
    ),
    ...locks.slice(1).map((lease) => `one Lease too many: ${nameOf(lease)}`),
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
