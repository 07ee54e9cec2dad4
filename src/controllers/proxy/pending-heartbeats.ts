import { proxyKey } from '../../api/names.ts'
import type { RunnerJob } from '../../api/runner-job.ts'
import type { Caches } from '../../cluster/caches.ts'
import { leaseOf } from '../../cluster/proxies.ts'
import { isFinished } from '../../domain/job/phases.ts'
import { delegatedAt } from '../../domain/job/status.ts'
import { isDue, presenceOf } from '../../domain/proxy/presence.ts'
import type { Clock } from '../../kube/runtime/clock.ts'
import type { ControllerSettings } from '../deps.ts'

/** A delegated job, which counts as a heartbeat of its proxy runner. */
export interface PendingHeartbeat {
  job: RunnerJob
  atMs: number
}

export interface PendingHeartbeatsOptions {
  caches: Caches
  clock: Clock
  settings: ControllerSettings
  /** Called for a proxy runner with a pending heartbeat. */
  wake: (proxyKey: string) => void
}

/**
 * The last delegation of each proxy runner that is not yet recorded in the cluster. Noting one costs the same with any
 * number of jobs. After a restart, the next delegation or heartbeat makes up for lost ones.
 */
export class PendingHeartbeats {
  readonly #options: PendingHeartbeatsOptions
  readonly #last = new Map<string, PendingHeartbeat>()

  constructor(options: PendingHeartbeatsOptions) {
    this.#options = options
  }

  /** Notes all unfinished jobs: their proxy runners may not have been registered before a restart. */
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

  /** Removes a recorded or dropped heartbeat. A later one that came meanwhile stays. */
  forget(key: string, done: PendingHeartbeat): void {
    if (this.#last.get(key) === done) this.#last.delete(key)
  }
}
