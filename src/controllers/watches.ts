import { isDeepStrictEqual } from 'node:util'
import { PRE_PULL_LABEL } from '../api/names.ts'
import { keyOf, type KubeObject } from '../api/object.ts'
import { isHeldPod, type Pod } from '../api/pod.ts'
import type { RunnerJob } from '../api/runner-job.ts'
import type { RunnerPool } from '../api/runner-pool.ts'
import type { Runner } from '../api/runner.ts'
import { type Caches, isMessageLease, jobKeyOf } from '../cluster/caches.ts'
import { limitsOf } from '../domain/job/deadline.ts'
import { isFinished } from '../domain/job/phases.ts'
import { readinessOf } from '../domain/pool/readiness.ts'
import { heldImages } from '../domain/pre-pull/presence.ts'
import { attemptAt, attemptOf, jobKeyAt, previousKey, runnerKey } from '../domain/runner/keys.ts'
import type { Change } from '../kube/cache/store.ts'
import type { Lane, Workqueue } from '../kube/queue/workqueue.ts'
import { needsLabels } from './pod/reconcile.ts'
import type { Scheduler } from './pool/scheduler.ts'
import type { PendingHeartbeats } from './proxy/pending-heartbeats.ts'
import { queueKey } from './queue-keys.ts'

/** How long to collect deletions before deleted jobs are counted. */
const DEPARTED_MS = 50

/** Adds the keys that each change of the caches affects to the work queue. Returns a function that unsubscribes. */
export function watchCaches(caches: Caches, queue: Workqueue, scheduler: Scheduler): () => void {
  const stops = [
    caches.jobs.onChange((change) => {
      scheduler.jobChanged(change.key)
      addOfJob(caches, queue, change)
    }),
    caches.runners.onChange(({ key, old, now }) => {
      if ((now ?? old)?.spec.type !== 'Ephemeral') return
      const jobKey = ownerKey(now ?? old)
      scheduler.runnerChanged(key, jobKey)
      queue.add(queueKey('runner', key))
      if (jobKey !== undefined) queue.add(queueKey('job', jobKey))
      if (old?.metadata.uid !== now?.metadata.uid) addOrphan(caches, queue, key)
    }),
    caches.pods.onChange((change) => {
      if (change.now !== undefined && needsLabels({ caches }, change.now))
        queue.add(queueKey('pod', change.key), 'deferred')
      if (!isNews(caches, change)) return
      const { key, now } = change
      scheduler.runnerChanged(key, jobKeyAt(key))
      queue.add(queueKey('runner', key))
      queue.add(queueKey('job', jobKeyAt(key)))
      if (now !== undefined && isOrphan(caches, now)) queue.add(queueKey('pod', key))
    }),
    caches.prePullPods.onChange(({ old, now }) => {
      const pool = prePulledPool(now ?? old)
      if (pool !== undefined && isNewHold(old, now)) queue.add(queueKey('pool', pool), 'deferred')
    }),
    caches.pools.onChange((change) => {
      const isNewTtl = change.old?.spec.finishedPodTTLSeconds !== change.now?.spec.finishedPodTTLSeconds
      if (isNewTtl || limitsOf(change.old) !== limitsOf(change.now)) addJobsOf(caches, queue, change.now ?? change.old)
      // The pool goes first: its check wakes the waiting jobs once more.
      if (isNewSpec(change)) queue.add(queueKey('pool', change.key))
      if (isNewReadiness(change)) addStartingOf(caches, queue, change.now)
      if (isNewSpec(change) || isNewReadiness(change)) scheduler.poolsChanged()
    }),
    caches.ledgers.onChange(({ old, now }) =>
      now === undefined && old !== undefined ? addLedger(queue, old) : undefined,
    ),
  ]
  return () => {
    for (const stop of stops) stop()
  }
}

/** Adds what a change of a job affects. */
function addOfJob(caches: Caches, queue: Workqueue, { key, old, now }: Change<RunnerJob>): void {
  queue.add(queueKey('job', key), now === undefined ? 'urgent' : laneOf(caches, now))
  if (now === undefined || now.status.reported?.at !== old?.status.reported?.at) addRunner(caches, queue, now ?? old)
  if (now !== undefined) return addOfStatus(caches, queue, { old, now })
  if (old === undefined) return
  if (isUncounted(caches, old)) addLedger(queue, old)
  addPod(caches, queue, old)
}

/** Adds the pods that are not the job's any more: of its attempt before, or of a Runner that is not its own. */
function addOfStatus(
  caches: Caches,
  queue: Workqueue,
  { old, now }: { old: RunnerJob | undefined; now: RunnerJob },
): void {
  if (isTriedAgain(old, now)) addPrevious(queue, now)
  if (now.status.runnerRef?.uid !== old?.status.runnerRef?.uid) addOrphan(caches, queue, runnerKey(now))
}

/** Adds everything that may need work to the queue, once, at the start of a term. */
export function enqueueAll(caches: Caches, queue: Workqueue): void {
  for (const pool of caches.pools.list()) queue.add(queueKey('pool', keyOf(pool)))
  for (const runner of caches.runners.list()) {
    if (runner.spec.type === 'Ephemeral') queue.add(queueKey('runner', keyOf(runner)))
    if (runner.spec.type === 'Proxy') queue.add(queueKey('proxy', keyOf(runner)), 'deferred')
  }
  for (const job of caches.jobs.list()) queue.add(queueKey('job', keyOf(job)), laneOf(caches, job))
  for (const pod of caches.pods.list()) queue.add(queueKey('pod', keyOf(pod)), 'deferred')
  for (const { job } of caches.totals.departed()) addLedger(queue, job)
  if (caches.totals.lost !== undefined) addLedger(queue, caches.totals.lost)
}

/** A finished job is in no hurry, unless its pod waits to be released: only then may the pod go. */
function laneOf(caches: Caches, job: RunnerJob): Lane {
  const pod = caches.pods.get(runnerKey(job))
  return isFinished(job) && (pod === undefined || !isHeldPod(pod)) ? 'deferred' : 'urgent'
}

/** Whether a deleted job had finished and the ledger does not count it: its end may exist only in this process. */
function isUncounted(caches: Caches, job: RunnerJob): boolean {
  return isFinished(job) && !caches.totals.counts(job)
}

/** Requeues the ledger with a delay, so that one write counts many deletions. */
function addLedger(queue: Workqueue, { metadata }: KubeObject): void {
  queue.addAfter(queueKey('ledger', metadata.namespace ?? ''), DEPARTED_MS, 'deferred')
}

/** Adds a pod that turns out to be another job's: a Runner or a job's status may show that only after the pod was seen. */
function addOrphan(caches: Caches, queue: Workqueue, key: string): void {
  const pod = caches.pods.get(key)
  if (pod !== undefined && isOrphan(caches, pod)) queue.add(queueKey('pod', key))
}

/** Whether no attempt needs the pod: its job is gone, another job has its name by now, or the next attempt is due. */
function isOrphan(caches: Caches, pod: Pod): boolean {
  const key = keyOf(pod)
  const job = caches.jobs.get(jobKeyAt(key))
  return job === undefined || !caches.podRunners.isPodOf(pod, job) || attemptAt(key) < attemptOf(job)
}

function ownerKey(runner: Runner | undefined): string | undefined {
  return runner === undefined ? undefined : jobKeyOf(runner)
}

function addPod(caches: Caches, queue: Workqueue, job: RunnerJob): void {
  const key = runnerKey(job)
  if (caches.pods.get(key) !== undefined) queue.add(queueKey('pod', key))
}

function isTriedAgain(old: RunnerJob | undefined, now: RunnerJob): boolean {
  return attemptOf(now) > (old === undefined ? 1 : attemptOf(old))
}

/** Adds the Runner and the pod of the attempt before the current one: they have to go. */
function addPrevious(queue: Workqueue, job: RunnerJob): void {
  const key = previousKey(job)
  if (key === undefined) return
  queue.add(queueKey('runner', key))
  queue.add(queueKey('pod', key))
}

/** Adds the jobs with a Runner in the pool: the pool limits their stages, and how long finished jobs keep it. */
function addJobsOf(caches: Caches, queue: Workqueue, pool: RunnerPool | undefined): void {
  for (const runner of caches.runners.list()) {
    const { name, namespace } = pool?.metadata ?? {}
    if (runner.spec.poolName !== name || runner.metadata.namespace !== namespace) continue
    const jobKey = jobKeyOf(runner)
    if (jobKey !== undefined) queue.add(queueKey('job', jobKey), 'deferred')
  }
}

/** Adds the starting Runners of a checked pool: they wait for the check, or their pod was refused and they try again. */
function addStartingOf(caches: Caches, queue: Workqueue, pool: RunnerPool | undefined): void {
  if (pool === undefined || readinessOf(pool).is === 'unjudged') return
  const { name, namespace } = pool.metadata
  for (const { metadata, spec, status } of caches.runners.list()) {
    const isOfPool = spec.poolName === name && metadata.namespace === namespace
    if (isOfPool && status.phase === 'Starting') queue.add(queueKey('runner', keyOf({ metadata })))
  }
}

function addRunner(caches: Caches, queue: Workqueue, job: RunnerJob | undefined): void {
  const key = job === undefined ? '' : runnerKey(job)
  if (caches.runners.get(key) !== undefined) queue.add(queueKey('runner', key))
}

/** Adds the jobs that a proxy runner has handed over: it is offline, so it may no longer wait for their ends. */
function addHandedOver(caches: Caches, queue: Workqueue, proxy: string): void {
  for (const job of caches.jobs.byIndex('proxy', proxy)) queue.add(queueKey('job', keyOf(job)))
}

/** Whether a change affects the pod's state. A kubelet updates a pod about seven times, mostly in unused fields. */
function isNews({ podStates }: Caches, { old, now }: Change<Pod>): boolean {
  return old === undefined || now === undefined || !isDeepStrictEqual(podStates.of(old), podStates.of(now))
}

function prePulledPool(pod: Pod | undefined): string | undefined {
  const name = pod?.metadata.labels?.[PRE_PULL_LABEL]
  return pod === undefined || name === undefined ? undefined : `${pod.metadata.namespace ?? ''}/${name}`
}

/** Whether a node has other images of its pool than before, or fails to pull them for another reason. */
function isNewHold(old: Pod | undefined, now: Pod | undefined): boolean {
  if (old === undefined || now === undefined || old.spec.nodeName !== now.spec.nodeName) return true
  if (old.metadata.deletionTimestamp !== now.metadata.deletionTimestamp) return true
  return !isDeepStrictEqual(heldImages(old), heldImages(now))
}

/** Whether the pool can or cannot have jobs any more, or the waiting reason of its jobs changes. */
function isNewReadiness({ old, now }: Change<RunnerPool>): boolean {
  if (old === undefined || now === undefined) return false
  return !isDeepStrictEqual(readinessOf(old), readinessOf(now))
}

function isNewSpec({ old, now }: Change<RunnerPool>): boolean {
  return old?.metadata.generation !== now?.metadata.generation || old?.metadata.uid !== now?.metadata.uid
}

/** Adds the proxy runner that each change affects to the work queue. Returns a function that unsubscribes. */
export function watchProxies(caches: Caches, queue: Workqueue, pendingHeartbeats: PendingHeartbeats): () => void {
  const look = (key: string): void => queue.add(queueKey('proxy', key), 'deferred')
  const stops = [
    caches.jobs.onChange(({ old, now }) => {
      if (old === undefined && now !== undefined) pendingHeartbeats.note(now)
    }),
    caches.runners.onChange(({ key, old, now }) => {
      if ((now ?? old)?.spec.type !== 'Proxy') return
      look(key)
      if (now?.status.phase === 'Offline' && old?.status.phase !== 'Offline') addHandedOver(caches, queue, key)
    }),
    caches.leases.onChange(({ key, old, now }) => {
      const lease = now ?? old
      if (lease !== undefined && !isMessageLease(lease)) look(key)
    }),
  ]
  return () => {
    for (const stop of stops) stop()
  }
}
