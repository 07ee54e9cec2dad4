import { keyOf } from '../api/object.ts'
import type { RunnerJob } from '../api/runner-job.ts'
import { type Caches, jobKeyOf } from '../cluster/caches.ts'
import { delegatedAt } from '../domain/job-status.ts'
import { Timeline } from '../domain/timeline.ts'
import type { ListQuery } from './list-query.ts'
import { stateOf } from './views.ts'

/** A page of jobs, newest first, and how many there are in all. */
export interface JobPage {
  jobs: RunnerJob[]
  total: number
}

interface Entry {
  ms: number
  /** The timelines that the job stands in: all, its repository's, its state's, and those of both. */
  lists: readonly string[]
}

/** All jobs by time of delegation, as a whole and by repository and state, so that no page costs a walk over all. */
export class JobDirectory {
  readonly #caches: Caches
  readonly #timelines = new Map<string, Timeline>()
  readonly #entries = new Map<string, Entry>()

  constructor(caches: Caches) {
    this.#caches = caches
    for (const job of caches.jobs.list()) this.#put(keyOf(job))
    caches.jobs.onChange(({ key }) => this.#put(key))
    // A job with a Runner is shown as assigned before that is written.
    caches.runners.onChange(({ old, now }) => {
      const runner = now ?? old
      const key = runner === undefined ? undefined : jobKeyOf(runner)
      if (key !== undefined) this.#put(key)
    })
  }

  page({ page, limit, repository, status, startMs, endMs }: ListQuery): JobPage {
    const timeline = this.#timelines.get(listName(repository, status))
    if (timeline === undefined) return { jobs: [], total: 0 }
    const lowest = startMs === undefined ? 0 : timeline.countBefore(startMs)
    const end = endMs === undefined ? timeline.size : timeline.countBefore(Math.floor(endMs) + 1)
    const total = Math.max(0, end - lowest)
    const highest = end - (page - 1) * limit
    if (highest <= lowest) return { jobs: [], total }
    const keys = timeline.slice(Math.max(lowest, highest - limit), highest).toReversed()
    return { jobs: keys.map((key) => this.#caches.jobs.get(key)).filter((job) => job !== undefined), total }
  }

  #put(key: string): void {
    const job = this.#caches.jobs.get(key)
    const was = this.#entries.get(key)
    const is = job === undefined ? undefined : this.#entryOf(job)
    if (was !== undefined && is !== undefined && isSame(was, is)) return
    for (const name of was?.lists ?? []) this.#remove(name, { key, ms: was?.ms ?? 0 })
    this.#entries.delete(key)
    if (is === undefined) return
    this.#entries.set(key, is)
    for (const name of is.lists) this.#timelineOf(name).add({ key, ms: is.ms })
  }

  #entryOf(job: RunnerJob): Entry {
    const { repository } = job.spec
    const state = stateOf(this.#caches, job)
    const lists = [listName(), listName(repository), listName(undefined, state), listName(repository, state)]
    return { ms: Date.parse(delegatedAt(job)), lists }
  }

  #timelineOf(name: string): Timeline {
    const timeline = this.#timelines.get(name) ?? new Timeline()
    this.#timelines.set(name, timeline)
    return timeline
  }

  #remove(name: string, moment: { key: string; ms: number }): void {
    const timeline = this.#timelines.get(name)
    timeline?.remove(moment)
    if (timeline?.size === 0) this.#timelines.delete(name)
  }
}

function listName(repository = '', state = ''): string {
  return `${repository} ${state}`
}

function isSame(a: Entry, b: Entry): boolean {
  return a.ms === b.ms && a.lists.every((name, index) => name === b.lists[index])
}
