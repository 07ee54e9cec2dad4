import { type ConfigMap, configMaps } from '../../api/config-map.ts'
import { LEDGER_NAME, MANAGED_BY, MANAGED_BY_LABEL } from '../../api/names.ts'
import { keyOf } from '../../api/object.ts'
import { type RunnerJob, runnerJobs } from '../../api/runner-job.ts'
import type { Caches } from '../../cluster/caches.ts'
import { ledgerOf } from '../../cluster/job-totals.ts'
import {
  type Entries,
  formatLedger,
  type Ledger,
  MOST_LEAVING,
  nextLedger,
  roomBeside,
} from '../../domain/totals/ledger.ts'
import { BATCH, pauseMsAfter } from '../../domain/totals/pace.ts'
import { compareVersions } from '../../kube/cache/transform.ts'
import type { KubeClient } from '../../kube/client/client.ts'
import { AlreadyExists, Conflict, RetryLater } from '../../kube/client/errors.ts'
import { splitKey } from '../../kube/client/resource-path.ts'
import type { ReconcileContext, Result } from '../../kube/controller/controller.ts'
import type { ReconcilerDeps } from '../deps.ts'
import { StayingJobs } from './staying.ts'

/** How soon to reconcile again while the caches are not in step, and while jobs wait for room in the ledger. */
const AGAIN_MS = 250

/** The same while so many counted jobs stay that the ledger can name no more. */
const CLOGGED_MS = 10_000

/** Deleted jobs that are looked up concurrently. */
const AT_A_TIME = 32

/**
 * Keeps the ledger of a namespace: counts each job that will be deleted or that others have deleted, once. Every write
 * has the resourceVersion that was read, so that a lost response, a late write of the previous leader, or two leaders
 * cause a conflict, never a second count.
 */
export function ledgerReconciler(
  deps: Pick<ReconcilerDeps, 'client' | 'caches' | 'clock' | 'log' | 'pendingDeletions'>,
) {
  const { caches, clock, pendingDeletions } = deps
  const staying = new StayingJobs(clock)
  let hasWarned = false
  /** Until then no more jobs are counted in order to be deleted. */
  let pausedUntilMs = 0
  return async function reconcileLedger(namespace: string, { signal }: ReconcileContext): Promise<Result> {
    const object = caches.ledgers.get(`${namespace}/${LEDGER_NAME}`)
    const due = pendingDeletions.due()
    const batch = clock.monotonicMs() < pausedUntilMs ? [] : due.slice(0, BATCH)
    const read = readLedger(caches, object, batch, (uid) => staying.isStuck(uid))
    if (read === undefined) {
      throw new RetryLater(AGAIN_MS, 'the caches of jobs and of the ledger are not in step')
    }
    const { ledger, entries } = read
    staying.keepOnly(entries.present)
    // The contents of a deleted ledger are still in memory.
    const lost = caches.totals.lost === undefined ? undefined : ledger
    const departed = await confirmGone(deps.client, entries.departed, signal)
    const next = nextLedger(ledger, { ...entries, departed }) ?? lost
    if (next !== undefined) await write(deps, namespace, { object, ledger: next }, signal)
    const isClogged = entries.held >= MOST_LEAVING
    if (isClogged && !hasWarned) deps.log.warn({ namespace, jobs: entries.held }, 'finalizers or policies keep jobs')
    hasWarned = isClogged
    if (next !== undefined && batch.length > 0) pausedUntilMs = clock.monotonicMs() + pauseMsAfter(due.length)
    pendingDeletions.drop((job) => caches.totals.counts(job) || !exists(caches, job.metadata.uid))
    if (pendingDeletions.due().length + caches.totals.departed().length === 0) return {}
    if (roomBeside(entries) === 0 && isClogged) return { requeueAfterMs: CLOGGED_MS }
    return { requeueAfterMs: Math.max(AGAIN_MS, pausedUntilMs - clock.monotonicMs()) }
  }
}

/**
 * The ledger and its new entries, all as of one version of the jobs; undefined while the caches are not in step. `isStuck`
 * is whether a counted job has existed for long.
 */
export function readLedger(
  caches: Pick<Caches, 'jobs' | 'totals'>,
  object: ConfigMap | undefined,
  due: readonly RunnerJob[],
  isStuck: (uid: string) => boolean = () => false,
): { ledger: Ledger; entries: Entries } | undefined {
  const { jobs, totals } = caches
  const ledger = object === undefined ? totals.ledger() : ledgerOf(object)
  const asOf = jobs.version
  if (ledger === undefined || compareVersions(ledger.asOf, asOf) > 0) return undefined
  const present = ledger.leaving.filter((uid) => exists(caches, uid))
  const entries = {
    asOf,
    due: due.filter((job) => exists(caches, job.metadata.uid) && !totals.counts(job)),
    present,
    named: totals.namedBeside(ledger),
    held: present.filter((uid) => isStuck(uid) || isBeingDeleted(caches, uid)).length,
    // A deletion that the watch has not reached yet is counted next time.
    departed: totals.departed().flatMap(({ job, after }) => (compareVersions(after, asOf) < 0 ? [job] : [])),
  }
  return { ledger, entries }
}

function exists({ jobs }: Pick<Caches, 'jobs'>, uid: string): boolean {
  return jobs.indexSize('uid', uid) > 0
}

function isBeingDeleted({ jobs }: Pick<Caches, 'jobs'>, uid: string): boolean {
  return [...jobs.byIndex('uid', uid)].some(({ metadata }) => metadata.deletionTimestamp !== undefined)
}

/** The jobs that are really gone: a list may have missed some, and a job that comes back would count twice. */
async function confirmGone(
  client: KubeClient,
  jobs: readonly RunnerJob[],
  signal: AbortSignal,
): Promise<readonly RunnerJob[]> {
  const gone: RunnerJob[] = []
  for (let from = 0; from < jobs.length; from += AT_A_TIME) {
    const some = jobs.slice(from, from + AT_A_TIME)
    const results = await Promise.all(some.map((job) => isGone(client, job, signal)))
    gone.push(...some.filter((_, index) => results[index]))
  }
  return gone
}

async function isGone(client: KubeClient, job: RunnerJob, signal: AbortSignal): Promise<boolean> {
  return (await client.find(runnerJobs, splitKey(keyOf(job)), signal))?.metadata.uid !== job.metadata.uid
}

async function write(
  { client, caches }: Pick<ReconcilerDeps, 'client' | 'caches'>,
  namespace: string,
  { object, ledger }: { object: ConfigMap | undefined; ledger: Ledger },
  signal: AbortSignal,
): Promise<void> {
  const data = formatLedger(ledger)
  const metadata = { name: LEDGER_NAME, namespace, labels: { [MANAGED_BY_LABEL]: MANAGED_BY } }
  try {
    const written =
      object === undefined
        ? await client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data }, signal)
        : await client.replace(configMaps, { ...object, data }, signal)
    caches.ledgers.applyOwn(written)
  } catch (error) {
    if (!(error instanceof Conflict || error instanceof AlreadyExists)) throw error
    caches.ledgers.applyOwn(await client.get(configMaps, { namespace, name: LEDGER_NAME }, signal))
    throw new RetryLater(1, 'another write changed the ledger', { cause: error })
  }
}
