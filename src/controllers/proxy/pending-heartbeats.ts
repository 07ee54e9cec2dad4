import { proxyKey } from '../../api/names.ts'
import type { RunnerJob } from '../../api/runner-job.ts'
import type { Caches } from '../../cluster/caches.ts'
import { leaseOf } from '../../cluster/proxies.ts'
import { isFinished } from '../../domain/job/phases.ts'
import { delegatedAt } from '../../domain/job/status.ts'
import { isDue, presenceOf } from '../../domain/proxy/presence.ts'
import type { Clock } from '../../kube/runtime/clock.ts'
import type { ControllerSettings } from '../deps.ts'

/** A job that says that its proxy runner was there. */
export interface PendingHeartbeat {
  job: RunnerJob
  atMs: number
}

export interface PendingHeartbeatsOptions {
  caches: Caches
  clock: Clock
  settings: ControllerSettings
  /** Called for a proxy runner whose Runner or Lease has something to be told. */
  wake: (proxyKey: string) => void
}

/**
 * The last delegation of each proxy runner that nothing in the cluster tells of yet. Noting one costs the same however
 * many jobs there are. What a restart loses, the next delegation or heartbeat tells.
 */
export class PendingHeartbeats {
  readonly #options: PendingHeartbeatsOptions
  readonly #last = new Map<string, PendingHeartbeat>()

  constructor(options: PendingHeartbeatsOptions) {
    this.#options = options
  }

  /** Reads the jobs that are not over: who delegated them may not have been registered before a restart. */
  begin(): void {
    for (const job of this.#options.caches.jobs.list()) if (!isFinished(job)) this.note(job)
  }

  note(job: RunnerJob): void {
    const { caches, clock, settings, wake } = this.#options
    const { runnerName = '' } = job.spec
    if (runnerName === '') return
    const nowMs = clock.now().getTime()
    const atMs = Math.min(Date.parse(delegatedAt(job)), nowMs)
    if (nowMs - atMs >= settings.proxyForgetMs) return
    const key = proxyKey(job.metadata.namespace, runnerName)
    const runner = caches.runners.get(key)
    const presence = runner && presenceOf(runner, leaseOf(caches, runner)?.spec, settings.heartbeatMs)
    if (presence !== undefined && !isDue(presence, atMs, settings.heartbeatMs)) return
    if (atMs <= (this.#last.get(key)?.atMs ?? Number.NEGATIVE_INFINITY)) return
    this.#last.set(key, { job, atMs })
    wake(key)
  }

  get(key: string): PendingHeartbeat | undefined {
    return this.#last.get(key)
  }

  /** It has been told, or is not worth it. A later one that has come meanwhile stays. */
  forget(key: string, told: PendingHeartbeat): void {
    if (this.#last.get(key) === told) this.#last.delete(key)
  }
}
