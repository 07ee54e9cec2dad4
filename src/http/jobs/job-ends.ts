import { keyOf } from '../../api/object.ts'
import type { RunnerJob } from '../../api/runner-job.ts'
import { isFinished } from '../../domain/job/phases.ts'
import type { Store } from '../../kube/cache/store.ts'
import type { Clock } from '../../kube/runtime/clock.ts'

/** Lets callers wait for the ends of jobs. However many wait, a change costs one lookup. */
export class JobEnds {
  readonly #jobs: Store<RunnerJob>
  readonly #clock: Pick<Clock, 'setTimer'>
  /** Those that wait, by the key of their job. */
  readonly #waiting = new Map<string, Set<() => void>>()

  constructor(jobs: Store<RunnerJob>, clock: Pick<Clock, 'setTimer'>) {
    this.#jobs = jobs
    this.#clock = clock
    jobs.onChange(({ key, old, now }) => {
      const goesOn = now !== undefined && !isFinished(now) && now.metadata.uid === (old ?? now).metadata.uid
      if (!goesOn) for (const wake of this.#waiting.get(key) ?? []) wake()
    })
  }

  /** Resolves when the job is over or gone, after a time, or when a signal ends the wait. */
  async wait(job: RunnerJob, ms: number, signals: readonly AbortSignal[]): Promise<void> {
    const key = keyOf(job)
    const signal = AbortSignal.any([...signals])
    const isOver = (): boolean => {
      const now = this.#jobs.get(key)
      return now !== undefined && (isFinished(now) || now.metadata.uid !== job.metadata.uid)
    }
    if (isOver() || signal.aborted) return
    await new Promise<void>((resolve) => {
      const waiting = this.#waiting.get(key) ?? new Set()
      const end = (): void => {
        cancel()
        signal.removeEventListener('abort', end)
        waiting.delete(end)
        if (waiting.size === 0) this.#waiting.delete(key)
        resolve()
      }
      this.#waiting.set(key, waiting.add(end))
      signal.addEventListener('abort', end, { once: true })
      const cancel = this.#clock.setTimer(end, ms)
    })
  }
}
