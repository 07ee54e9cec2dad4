import { keyOf } from '../../api/object.ts'
import type { RunnerJobSpec } from '../../api/runner-job.ts'
import { type Runner, runners } from '../../api/runner.ts'
import { isLeaseOf, leaseOf, readLease, registerProxy, renewProxy } from '../../cluster/proxies.ts'
import { planProxy, type ProxyPlan } from '../../domain/proxy/plan.ts'
import { isDue, presenceOf } from '../../domain/proxy/presence.ts'
import type { ReconcileContext, Result } from '../../kube/controller/controller.ts'
import type { Lease } from '../../kube/election/lease.ts'
import type { ReconcilerDeps } from '../deps.ts'
import { deleteObject, writeStatus } from '../writes.ts'
import type { PendingHeartbeat, PendingHeartbeats } from './pending-heartbeats.ts'

/** Reconciles one proxy runner: registers it when it delegates, marks it offline, and deletes it after too long. */
export function proxyReconciler(deps: ReconcilerDeps, pendingHeartbeats: PendingHeartbeats) {
  return async function reconcileProxy(key: string, { signal }: ReconcileContext): Promise<Result> {
    const delegation = pendingHeartbeats.get(key)
    if (delegation !== undefined) {
      await hear(deps, key, delegation, signal)
      pendingHeartbeats.forget(key, delegation)
    }
    const runner = deps.caches.runners.get(key)
    if (runner?.spec.type !== 'Proxy') return {}
    const { status, act, requeueAfterMs } = await plan(deps, runner, signal)
    if (act === 'delete') await deleteObject(deps.client, runners, runner, signal)
    if (status !== undefined) {
      await writeStatus({ ...deps, store: deps.caches.runners, resource: runners }, { ...runner, status }, signal)
    }
    return requeueAfterMs === undefined ? {} : { requeueAfterMs }
  }
}

/** Records a delegation as a heartbeat. Silently skips proxy runners beyond the limit: the delegation has succeeded. */
async function hear(
  deps: ReconcilerDeps,
  key: string,
  { job, atMs }: PendingHeartbeat,
  signal: AbortSignal,
): Promise<void> {
  const { caches, settings } = deps
  const known = caches.runners.get(key)
  if (known === undefined && caches.runners.indexSize('type', 'Proxy') >= settings.maxProxies) return
  const runner = known ?? (await registerProxy(deps, key, factsOf(job.spec), signal)).runner
  const heartbeat = leaseOf(caches, runner)?.spec
  if (
    heartbeat !== undefined &&
    !isDue(presenceOf(runner, heartbeat, settings.heartbeatMs), atMs, settings.heartbeatMs)
  )
    return
  await renewProxy(deps, runner, { at: new Date(atMs), heartbeatMs: settings.heartbeatMs }, signal)
}

function factsOf({ runnerName = '', labels, repository }: RunnerJobSpec) {
  return { displayName: runnerName, repository, ...(labels !== undefined && { labels }) }
}

/** Reads the Lease from the API server before acting on missed heartbeats: the cache may be behind, or lack the Lease. */
async function plan(deps: ReconcilerDeps, runner: Runner, signal: AbortSignal): Promise<ProxyPlan> {
  const fromCache = planNow(deps, runner, leaseOf(deps.caches, runner))
  if (fromCache.act === undefined && fromCache.status?.phase !== 'Offline') return fromCache
  const lease = await readLease(deps, keyOf(runner), signal)
  return planNow(deps, runner, lease !== undefined && isLeaseOf(lease, runner) ? lease : undefined)
}

function planNow({ settings, clock }: ReconcilerDeps, runner: Runner, lease: Lease | undefined): ProxyPlan {
  const { heartbeatMs, proxyForgetMs: forgetMs } = settings
  return planProxy({ runner, heartbeat: lease?.spec, heartbeatMs, forgetMs, now: clock.now() })
}
