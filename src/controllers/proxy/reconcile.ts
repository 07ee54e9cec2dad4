import type { RunnerJobSpec } from '../../api/runner-job.ts'
import { type Runner, runners } from '../../api/runner.ts'
import { leaseOf, readLease, registerProxy, renewProxy } from '../../cluster/proxies.ts'
import { planProxy, type ProxyPlan } from '../../domain/proxy/plan.ts'
import { isDue, presenceOf } from '../../domain/proxy/presence.ts'
import type { ReconcileContext, Result } from '../../kube/controller/controller.ts'
import type { ReconcilerDeps } from '../deps.ts'
import { deleteObject, writeStatus } from '../writes.ts'
import type { PendingHeartbeat, PendingHeartbeats } from './pending-heartbeats.ts'

/** Reconciles one proxy runner: registers who delegates, and says when one is offline or has been for too long. */
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

/** A delegation is a heartbeat. Of those beyond the limit nobody is told: the delegation itself has succeeded. */
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

/** Before silence has consequences the API server is asked: the cache may be behind. */
async function plan(deps: ReconcilerDeps, runner: Runner, signal: AbortSignal): Promise<ProxyPlan> {
  const fromCache = planNow(deps, runner)
  if (fromCache.act === undefined && fromCache.status?.phase !== 'Offline') return fromCache
  await readLease(deps, `${runner.metadata.namespace ?? ''}/${runner.metadata.name}`, signal)
  return planNow(deps, runner)
}

function planNow({ caches, settings, clock }: ReconcilerDeps, runner: Runner): ProxyPlan {
  const { heartbeatMs, proxyForgetMs: forgetMs } = settings
  return planProxy({ runner, heartbeat: leaseOf(caches, runner)?.spec, heartbeatMs, forgetMs, now: clock.now() })
}
