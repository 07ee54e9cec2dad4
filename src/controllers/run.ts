import type { LeaderArchive } from '../archive/archive.ts'
import type { ArchiveStore } from '../archive/store.ts'
import type { Caches } from '../cluster/caches.ts'
import type { Redactor } from '../domain/log/redaction.ts'
import type { KubeClient } from '../kube/client/client.ts'
import { NamespaceTerminating } from '../kube/client/errors.ts'
import { Controller, type ControllerMetrics, type Reconcile } from '../kube/controller/controller.ts'
import type { Leadership } from '../kube/election/leader-election.ts'
import type { WriteGuard } from '../kube/election/write-guard.ts'
import { EventRecorder } from '../kube/events/recorder.ts'
import { type Lane, Workqueue, type WorkqueueOptions } from '../kube/queue/workqueue.ts'
import type { Clock } from '../kube/runtime/clock.ts'
import type { Log } from '../kube/runtime/logger.ts'
import { linkedAbortController, withTimeout } from '../kube/runtime/signals.ts'
import { type AuditOptions, DriftAudit } from './audit/drift-audit.ts'
import type { AuditDeps } from './audit/found.ts'
import type { ControllerSettings, ReconcilerDeps } from './deps.ts'
import { jobReconciler } from './job/reconcile.ts'
import { DrainingNodes } from './node/draining-nodes.ts'
import { LogCaptures } from './logs/captures.ts'
import { LostMessages } from './message/lost-messages.ts'
import { PodCreates } from './runner/pod-creates.ts'
import { PodWarnings } from './pod/warnings.ts'
import { findLeftBudgets } from './pool/left-budgets.ts'
import { AgentConfigMaps } from './pool/agent-config-maps.ts'
import { FinishedJobs } from './pool/finished-jobs.ts'
import { messageReconciler } from './message/reconcile.ts'
import { watchMessages } from './message/watches.ts'
import { podReconciler } from './pod/reconcile.ts'
import { poolReconciler } from './pool/reconcile.ts'
import { Scheduler } from './pool/scheduler.ts'
import { PendingHeartbeats } from './proxy/pending-heartbeats.ts'
import { proxyReconciler } from './proxy/reconcile.ts'
import { parseQueueKey, queueKey } from './queue-keys.ts'
import { runnerReconciler } from './runner/reconcile.ts'
import { PendingDeletions } from './totals/pending-deletions.ts'
import { ledgerReconciler } from './totals/reconcile.ts'
import { enqueueAll, watchCaches, watchProxies } from './watches.ts'

export interface ControllersOptions {
  client: KubeClient
  caches: Caches
  /** The namespace of the operator. */
  namespace: string
  /** Identity of this process in the Events that it writes. */
  identity: string
  clock: Clock
  log: Log
  workers: number
  settings: ControllerSettings
  /** The program that pods of mode Worker run. */
  agentScript: string
  metrics?: ControllerMetrics
  audit: AuditOptions
  /** Where logs are stored; absent if they are not. */
  archive?: ArchiveOptions | undefined
  /** Called when a create was refused because the namespace is being deleted. */
  onTerminating: () => void
}

/** How logs are stored. */
export interface ArchiveOptions {
  /** Makes the store for one term, and what keeps it in order until the signal. */
  open: (client: KubeClient) => LeaderArchive
  redactor: () => Redactor
  maxStreams: number
  deadlineMs: number
  /** Called for each log that is not stored to its end. */
  onLost: () => void
}

/** How long a leader may wait for its caches: after that it lets another replica try. */
const FILL_LIMIT_MS = 120_000

/** Collects changes of the usage of a pool, which come many at a time. */
const USAGE_MS = 100

/** After a long outage no key waits longer than this. */
const LONGEST_BACKOFF_MS = 60_000

/**
 * Runs the controllers for one term of leadership, with caches that are relisted in the term. Rejects if they cannot be
 * relisted in time; this releases the Lease. When the cluster was restored from a snapshot, the controllers end, and begin
 * again once all caches are relisted: nothing is written from what they held before.
 */
export async function runControllers(options: ControllersOptions, term: Leadership): Promise<void> {
  const { log, caches } = options
  for (;;) {
    const { present } = caches.history
    const standing = linkedAbortController(term.signal, present)
    const writing = linkedAbortController(term.guard.signal, present)
    const guard: WriteGuard = {
      check: () => {
        term.guard.check()
        present.throwIfAborted()
      },
      admitted: (signal) => caches.history.confirm(signal),
      signal: writing.signal,
    }
    const isPast = (): boolean => present.aborted && !term.signal.aborted
    try {
      await runInOneHistory(options, { signal: standing.signal, guard })
      if (!isPast()) return
    } catch (error) {
      if (!isPast()) throw error
    } finally {
      standing.release()
      writing.release()
    }
    const reason: unknown = present.reason
    log.warn({ err: reason }, 'the cluster was restored; the controllers begin again with new lists')
  }
}

async function runInOneHistory(options: ControllersOptions, term: Leadership): Promise<void> {
  const { caches, clock, identity, log } = options
  await freshen(options, term.signal)
  const queue = new Workqueue({ clock, maxMs: LONGEST_BACKOFF_MS, ...roomForDeferred(options.workers) })
  const client = options.client.guarded(term.guard)
  const recorder = new EventRecorder({ client, component: 'runnerhub', instance: identity, clock, log })
  const wakeJob = (jobKey: string, lane?: Lane): void => queue.add(queueKey('job', jobKey), lane)
  const wakePool = (poolKey: string): void => queue.add(queueKey('pool', poolKey))
  const finishedJobs = finishedJobsFor(options, queue)
  const archive = options.archive?.open(client)
  const logs = archive && capturesInto(archive.store, options, queue, term.signal)
  const drainingNodes = drainingNodesFor(options, queue, term.signal)
  const lostMessages = new LostMessages()
  const deps: ReconcilerDeps = {
    ...options,
    logs,
    client,
    recorder,
    finishedJobs,
    drainingNodes,
    lostMessages,
    random: Math.random,
    agents: new AgentConfigMaps({ client, script: options.agentScript }),
    termBeganAt: clock.now(),
    isBusy: () => queue.depthOf('urgent') > 0,
    pendingDeletions: new PendingDeletions(queue),
    podCreates: podCreatesFor(options, queue),
    podWarnings: new PodWarnings({ client, clock, log, wake: wakeJob, signal: term.signal }),
  }
  const onUsage = (poolKey: string): void => queue.addAfter(queueKey('pool', poolKey), USAGE_MS, 'deferred')
  const scheduler = new Scheduler({ caches, wake: wakeJob, onUsage })
  const wakeProxy = (key: string): void => queue.add(queueKey('proxy', key), 'deferred')
  const pendingHeartbeats = new PendingHeartbeats({ ...deps, wake: wakeProxy })
  const reconcile = noticing(options.onTerminating, dispatcher(deps, scheduler, pendingHeartbeats))
  const audit = new DriftAudit({ ...deps, lostMessages, ...queueOfAudit(queue) }, options.audit, archive?.orphans)
  const { workers, metrics } = options
  const common = { queue, workers, reconcile, log, clock, ...(metrics !== undefined && { metrics }) }
  const controller = new Controller({ name: 'runnerhub', ...common })
  const stops = [
    // Before the jobs: a job asks how far the log of its pod is.
    logs?.begin() ?? (() => undefined),
    watchCaches(caches, queue, scheduler),
    watchProxies(caches, queue, pendingHeartbeats),
    watchMessages(caches, queue),
    finishedJobs.follow(),
    drainingNodes.follow(),
  ]
  const work = async (): Promise<void> => {
    scheduler.begin()
    pendingHeartbeats.begin()
    enqueueAll(caches, queue)
    await Promise.all([
      controller.run(term.signal),
      archive?.run(term.signal),
      findLeftBudgets({ ...options, client }, wakePool, term.signal),
      audit.run(term.signal),
    ])
  }
  await recording(recorder, work).finally(() => stops.forEach((stop) => stop()))
}

/** Records Events until the work has ended: its last reconcile may record some. */
async function recording(recorder: EventRecorder, work: () => Promise<void>): Promise<void> {
  const ended = new AbortController()
  const recorded = recorder.run(ended.signal)
  try {
    await work()
  } finally {
    ended.abort(new Error('the controllers have stopped'))
    await recorded
  }
}

function queueOfAudit(queue: Workqueue): Pick<AuditDeps, 'wake' | 'isQueued'> {
  return {
    wake: (kind, key) => queue.add(queueKey(kind, key), 'deferred'),
    isQueued: (kind, key) => queue.isReady(queueKey(kind, key)),
  }
}

function finishedJobsFor({ caches }: ControllersOptions, queue: Workqueue): FinishedJobs {
  return new FinishedJobs({
    caches,
    wake: (jobKey, delayMs) => queue.addAfter(queueKey('job', jobKey), delayMs, 'deferred'),
  })
}

function podCreatesFor({ clock, workers }: ControllersOptions, queue: Workqueue): PodCreates {
  const wake = (runnerKey: string): void => queue.add(queueKey('runner', runnerKey))
  return new PodCreates({ clock, mostPerPool: Math.ceil(workers / 2), wake })
}

/** The watch of nodes needs no guard: it writes nothing. */
function drainingNodesFor(options: ControllersOptions, queue: Workqueue, signal: AbortSignal): DrainingNodes {
  return new DrainingNodes({
    ...options,
    wakeJob: (jobKey) => queue.add(queueKey('job', jobKey)),
    wakePool: (poolKey) => queue.add(queueKey('pool', poolKey), 'deferred'),
    signal,
  })
}

/** A followed log is no request that a deadline of the Lease ends: it is read with the unguarded client. */
function capturesInto(
  store: ArchiveStore,
  options: ControllersOptions,
  queue: Workqueue,
  signal: AbortSignal,
): LogCaptures | undefined {
  const wake = (keys: { job: string; pod: string }): void => {
    queue.add(queueKey('job', keys.job))
    queue.add(queueKey('pod', keys.pod), 'deferred')
  }
  const { archive } = options
  return archive && new LogCaptures({ ...options, ...archive, store, wake, signal })
}

/** Relists all caches except the ledger: only totals and deletions wait for that. */
async function freshen({ caches, clock }: ControllersOptions, signal: AbortSignal): Promise<void> {
  try {
    await withTimeout({ clock, ms: FILL_LIMIT_MS }, signal, (limited) =>
      Promise.all(caches.reflectors.map((reflector) => reflector.relist(limited))),
    )
  } catch (error) {
    if (signal.aborted) throw error
    throw new Error(`the caches were not filled within ${FILL_LIMIT_MS / 1000} s`, { cause: error })
  }
}

function noticing(onTerminating: () => void, reconcile: Reconcile): Reconcile {
  return async (key, context) => {
    try {
      return await reconcile(key, context)
    } catch (error) {
      if (error instanceof NamespaceTerminating) onTerminating()
      throw error
    }
  }
}

/** A few workers may write status and clean up, and fewer while others create; half of them, once it has waited for a minute. */
function roomForDeferred(
  workers: number,
): Required<Pick<WorkqueueOptions, 'maxDeferred' | 'maxDeferredWhileUrgent' | 'maxLate'>> {
  return {
    maxDeferred: Math.ceil(workers / 6),
    maxDeferredWhileUrgent: Math.ceil(workers / 24),
    maxLate: Math.ceil(workers / 2),
  }
}

function dispatcher(deps: ReconcilerDeps, scheduler: Scheduler, pendingHeartbeats: PendingHeartbeats): Reconcile {
  const reconcilers: Readonly<Record<string, Reconcile>> = {
    job: jobReconciler(deps, scheduler),
    runner: runnerReconciler(deps),
    pod: podReconciler(deps),
    pool: poolReconciler(deps, scheduler),
    proxy: proxyReconciler(deps, pendingHeartbeats),
    ledger: ledgerReconciler(deps),
    message: messageReconciler(deps),
  }
  return async (queued, context) => {
    const { kind, key } = parseQueueKey(queued)
    return (await reconcilers[kind]?.(key, context)) ?? {}
  }
}
