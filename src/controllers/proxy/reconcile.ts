import type { RunnerJobSpec } from '../../api/runner-job.ts'
import { type Runner, runners } from '../../api/runner.ts'
import { leaseOf, readLease, registerProxy, renewProxy } from '../../cluster/proxies.ts'
import { planProxy, type ProxyPlan } from '../../domain/proxy/plan.ts'
import { isDue, presenceOf } from '../../domain/proxy/presence.ts'
import type { Pass, Result } from '../../kube/controller/controller.ts'
import type { Shell } from '../deps.ts'
import { deleteObject, writeStatus } from '../writes.ts'
import type { Delegation, Delegations } from './pending-heartbeats.ts'

/** Reconciles one proxy runner: registers who delegates, and says when one is offline or has been for too long. */
export function proxyReconciler(shell: Shell, delegations: Delegations) {
  return async function reconcileProxy(key: string, { signal }: Pass): Promise<Result> {
    const delegation = delegations.get(key)
    if (delegation !== undefined) {
      await hear(shell, key, delegation, signal)
      delegations.forget(key, delegation)
    }
    const runner = shell.caches.runners.get(key)
    if (runner?.spec.type !== 'Proxy') return {}
    const { status, act, againAfterMs } = await plan(shell, runner, signal)
    if (act === 'delete') await deleteObject(shell.client, runners, runner, signal)
    if (status !== undefined) {
      await writeStatus({ ...shell, store: shell.caches.runners, resource: runners }, { ...runner, status }, signal)
    }
    return againAfterMs === undefined ? {} : { againAfterMs }
  }
}

/** A delegation is a heartbeat. Of those beyond the limit nobody is told: the delegation itself has succeeded. */
async function hear(shell: Shell, key: string, { job, atMs }: Delegation, signal: AbortSignal): Promise<void> {
  const { caches, settings } = shell
  const known = caches.runners.get(key)
  if (known === undefined && caches.runners.indexSize('type', 'Proxy') >= settings.maxProxies) return
  const runner = known ?? (await registerProxy(shell, key, factsOf(job.spec), signal)).runner
  const heartbeat = leaseOf(caches, runner)?.spec
  if (
    heartbeat !== undefined &&
    !isDue(presenceOf(runner, heartbeat, settings.heartbeatMs), atMs, settings.heartbeatMs)
  )
    return
  await renewProxy(shell, runner, { at: new Date(atMs), heartbeatMs: settings.heartbeatMs }, signal)
}

function factsOf({ runnerName = '', labels, repository }: RunnerJobSpec) {
  return { displayName: runnerName, repository, ...(labels !== undefined && { labels }) }
}

/** Before silence has consequences the API server is asked: the cache may be behind. */
async function plan(shell: Shell, runner: Runner, signal: AbortSignal): Promise<ProxyPlan> {
  const fromCache = planNow(shell, runner)
  if (fromCache.act === undefined && fromCache.status?.phase !== 'Offline') return fromCache
  await readLease(shell, `${runner.metadata.namespace ?? ''}/${runner.metadata.name}`, signal)
  return planNow(shell, runner)
}

function planNow({ caches, settings, clock }: Shell, runner: Runner): ProxyPlan {
  const { heartbeatMs, proxyForgetMs: forgetMs } = settings
  return planProxy({ runner, heartbeat: leaseOf(caches, runner)?.spec, heartbeatMs, forgetMs, now: clock.now() })
}
