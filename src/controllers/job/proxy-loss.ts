import { proxyKey } from '../../api/names.ts'
import type { RunnerJob } from '../../api/runner-job.ts'
import { leaseOf } from '../../cluster/proxies.ts'
import { delegatedAt } from '../../domain/job/status.ts'
import { presenceOf } from '../../domain/proxy/presence.ts'
import type { ReconcilerDeps } from '../deps.ts'

/**
 * When the proxy runner that handed a job over counts as lost, if it is offline. Its delegation was a heartbeat. So is
 * the begin of this term: before that nobody may have been there to hear it.
 */
export function proxyLostAt(
  { caches, settings }: Pick<ReconcilerDeps, 'caches' | 'settings'>,
  job: RunnerJob,
  termBeganAt: Date,
): Date | undefined {
  const { message, runnerName = '' } = job.spec
  if (message === undefined || runnerName === '') return undefined
  const runner = caches.runners.get(proxyKey(job.metadata.namespace, runnerName))
  if (runner?.status.phase !== 'Offline') return undefined
  const { heardMs, offlineAtMs } = presenceOf(runner, leaseOf(caches, runner)?.spec, settings.heartbeatMs)
  const lastMs = Math.max(heardMs, Date.parse(delegatedAt(job)), termBeganAt.getTime())
  return new Date(lastMs + offlineAtMs - heardMs)
}
