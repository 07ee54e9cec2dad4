import type { Caches } from '../cluster/caches.ts'
import type { KubeClient } from '../kube/client/client.ts'
import { Controller, type ControllerMetrics, type Pass, type Result } from '../kube/controller/controller.ts'
import type { Term } from '../kube/election/leader-election.ts'
import { EventRecorder } from '../kube/events/recorder.ts'
import { Workqueue } from '../kube/queue/workqueue.ts'
import type { Clock } from '../kube/runtime/clock.ts'
import type { Log } from '../kube/runtime/logger.ts'
import type { ControllerSettings, Shell } from './deps.ts'
import { jobReconciler } from './job/reconcile.ts'
import { podReconciler } from './pod/reconcile.ts'
import { poolReconciler } from './pool/reconcile.ts'
import { Scheduler } from './pool/scheduler.ts'
import { Delegations } from './proxy/pending-heartbeats.ts'
import { proxyReconciler } from './proxy/reconcile.ts'
import { parseQueueKey, queueKey } from './queue-keys.ts'
import { runnerReconciler } from './runner/reconcile.ts'
import { Retirement } from './totals/pending-deletions.ts'
import { ledgerReconciler } from './totals/reconcile.ts'
import { enqueueAll, watchCaches, watchProxies } from './watches.ts'

export interface ControllersOptions {
  client: KubeClient
  caches: Caches
  /** Of this process, in the Events that it writes. */
  identity: string
  clock: Clock
  log: Log
  workers: number
  settings: ControllerSettings
  metrics?: ControllerMetrics
}

/** After a long outage no key is left waiting for longer than this. */
const LONGEST_BACKOFF_MS = 60_000

/** Runs the controllers for one term of leadership, from caches that are as fresh as the term. */
export async function runTerm(options: ControllersOptions, term: Term): Promise<void> {
  const { caches, clock, identity, log } = options
  await Promise.all(caches.reflectors.map((reflector) => reflector.relist(term.signal)))
  const queue = new Workqueue({ clock, maxMs: LONGEST_BACKOFF_MS, ...roomForStatus(options.workers) })
  const client = options.client.guarded(term.guard)
  const recorder = new EventRecorder({ client, component: 'runnerhub', instance: identity, clock, log })
  const shell: Shell = {
    ...options,
    client,
    recorder,
    isBusy: () => queue.depthOf('urgent') > 0,
    retirement: new Retirement(queue),
  }
  const scheduler = new Scheduler({ caches, wake: (jobKey) => queue.add(queueKey('job', jobKey)) })
  const wakeProxy = (key: string): void => queue.add(queueKey('proxy', key), 'deferred')
  const delegations = new Delegations({ ...shell, wake: wakeProxy })
  const reconcile = dispatcher(shell, scheduler, delegations)
  const { workers, metrics } = options
  const common = { queue, workers, reconcile, log, ...(metrics !== undefined && { metrics }) }
  const controller = new Controller({ name: 'runnerhub', ...common })
  const stops = [watchCaches(caches, queue, scheduler), watchProxies(caches, queue, delegations)]
  // Events go on until the last pass has ended: it may have something to tell.
  const ended = new AbortController()
  const recorded = recorder.run(ended.signal)
  try {
    scheduler.begin()
    delegations.begin()
    enqueueAll(caches, queue)
    await controller.run(term.signal)
  } finally {
    for (const stop of stops) stop()
    ended.abort(new Error('the controllers have stopped'))
    await recorded
  }
}

/** Of so many workers a few may write status, and fewer while others create. */
function roomForStatus(workers: number): { maxDeferred: number; maxDeferredBeside: number } {
  return { maxDeferred: Math.ceil(workers / 6), maxDeferredBeside: Math.ceil(workers / 24) }
}

function dispatcher(
  shell: Shell,
  scheduler: Scheduler,
  delegations: Delegations,
): (key: string, pass: Pass) => Promise<Result> {
  const reconcilers: Readonly<Record<string, (key: string, pass: Pass) => Promise<Result>>> = {
    job: jobReconciler(shell, scheduler),
    runner: runnerReconciler(shell),
    pod: podReconciler(shell),
    pool: poolReconciler(shell),
    proxy: proxyReconciler(shell, delegations),
    ledger: ledgerReconciler(shell),
  }
  return async (queued, pass) => {
    const { kind, key } = parseQueueKey(queued)
    return (await reconcilers[kind]?.(key, pass)) ?? {}
  }
}
