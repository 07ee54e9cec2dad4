import { DELEGATION_KEY_ANNOTATION } from '../../api/names.ts'
import type { RunnerJob } from '../../api/runner-job.ts'
import type { Store } from '../../kube/cache/store.ts'
import type { Clock } from '../../kube/runtime/clock.ts'

/** Longer than the watch of one replica lags behind that of another. */
const KEPT_MS = 60_000

/**
 * Delegations whose job was deleted a moment ago. The name of a new job derives from the newest before it, and a replica
 * that has seen the deletion must derive the same name as one that has not.
 */
export class DeletedDelegations {
  readonly #clock: Clock
  readonly #jobs = new Map<string, RunnerJob[]>()
  /** In the order of their deletion. */
  readonly #expiries: { key: string; atMs: number }[] = []

  constructor(jobs: Store<RunnerJob>, clock: Clock) {
    this.#clock = clock
    jobs.onChange(({ old, now }) => {
      if (old !== undefined && now === undefined) this.#add(old)
    })
  }

  /** The deleted jobs of a delegation, by its key. */
  of(key: string): readonly RunnerJob[] {
    this.#expire()
    return this.#jobs.get(key) ?? []
  }

  #add(job: RunnerJob): void {
    this.#expire()
    const key = job.metadata.annotations?.[DELEGATION_KEY_ANNOTATION]
    if (key === undefined) return
    this.#jobs.set(key, [...(this.#jobs.get(key) ?? []), job])
    this.#expiries.push({ key, atMs: this.#clock.monotonicMs() + KEPT_MS })
  }

  #expire(): void {
    const now = this.#clock.monotonicMs()
    const kept = this.#expiries.findIndex(({ atMs }) => atMs > now)
    for (const { key } of this.#expiries.splice(0, kept < 0 ? this.#expiries.length : kept)) {
      const remaining = this.#jobs.get(key)?.slice(1) ?? []
      if (remaining.length === 0) this.#jobs.delete(key)
      else this.#jobs.set(key, remaining)
    }
  }
}
