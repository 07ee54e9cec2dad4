import { isFinal } from '../../src/domain/job/phases.ts'
import type { Acknowledged } from '../faults/schedules/load.ts'
import type { Site } from '../site/site.ts'

/** How every job of a site ended. Unlike the jobs, these stay known after their time to live. */
export class Ends {
  readonly #phases = new Map<string, string>()

  constructor({ history }: Site) {
    history.jobs.onChange(({ old, now }) => {
      if (now !== undefined && isFinal(now.status.phase)) this.#phases.set(now.metadata.name, now.status.phase)
      else if (now === undefined && old !== undefined && !this.#phases.has(old.metadata.name))
        this.#phases.set(old.metadata.name, 'deleted')
    })
  }

  get count(): number {
    return this.#phases.size
  }

  /** The acknowledged jobs without an end, or with another one than meant. A job may end before it is deleted. */
  wrong(jobs: readonly Acknowledged[]): string[] {
    const found = jobs.map(({ name, fate }) => ({ name, fate, end: this.#phases.get(name) }))
    const isWrong = ({ fate, end }: (typeof found)[number]): boolean =>
      fate === 'deleted' ? end === undefined : end !== fate
    return found.filter(isWrong).map(({ name, fate, end = 'no end' }) => `${name}: ${end} instead of ${fate}`)
  }
}
