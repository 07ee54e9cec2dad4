import type { RunnerJobStatus } from '../../src/api/runner-job.ts'
import { isFinal } from '../../src/domain/job/phases.ts'
import { capturedOf } from '../faults/schedules/stored-logs.ts'
import type { Acknowledged } from '../faults/schedules/arrivals.ts'
import type { Site } from '../site/site.ts'

interface End {
  phase: string
  /** Its container ran, and the archive does not have its log. */
  isLogLost: boolean
}

function endOf(status: RunnerJobStatus): End {
  return { phase: status.phase, isLogLost: status.startedAt !== undefined && capturedOf(status) !== 'True' }
}

/** How every job of a site ended. Unlike the jobs, these stay known after their time to live. */
export class Ends {
  readonly #ends = new Map<string, End>()

  constructor({ history }: Site) {
    history.jobs.onChange(({ old, now }) => {
      if (now !== undefined && isFinal(now.status.phase)) this.#ends.set(now.metadata.name, endOf(now.status))
      else if (now === undefined && old !== undefined && !this.#ends.has(old.metadata.name))
        this.#ends.set(old.metadata.name, { phase: 'deleted', isLogLost: false })
    })
  }

  get count(): number {
    return this.#ends.size
  }

  /**
   * The acknowledged jobs without an end, with another one than meant, or without their log. A job may end before it is
   * deleted.
   */
  wrong(jobs: readonly Acknowledged[]): string[] {
    return jobs.flatMap(({ name, fate }) => {
      const end = this.#ends.get(name)
      if (fate === 'deleted') return end === undefined ? [`${name}: no end instead of deleted`] : []
      if (end?.phase !== fate) return [`${name}: ${end?.phase ?? 'no end'} instead of ${fate}`]
      return end.isLogLost ? [`${name}: its log is not stored`] : []
    })
  }
}
