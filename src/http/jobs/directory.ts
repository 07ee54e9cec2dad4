import { repositoryKey } from '../../api/names.ts'
import type { RunnerJob } from '../../api/runner-job.ts'
import { type Caches, followShownJobs } from '../../cluster/caches.ts'
import { type IndexEntry, SortedIndexes } from '../../collections/sorted-index.ts'
import { delegatedAt } from '../../domain/job/status.ts'
import type { ListQuery } from './list-query.ts'
import { stateOf } from './views.ts'

/** A page of jobs, newest first, and the total of all pages. */
export interface JobPage {
  jobs: RunnerJob[]
  total: number
}

/** Indexes all jobs by time of delegation, repository and state, so that no page iterates over all jobs. */
export class JobDirectory {
  readonly #caches: Caches
  readonly #timelines = new SortedIndexes()

  constructor(caches: Caches) {
    this.#caches = caches
    followShownJobs(caches, (key) => this.#put(key))
  }

  page({ repository, status, ...range }: ListQuery): JobPage {
    const { keys, total } = this.#timelines.page(listName(repository, status), range)
    return { jobs: keys.map((key) => this.#caches.jobs.get(key)).filter((job) => job !== undefined), total }
  }

  #put(key: string): void {
    const job = this.#caches.jobs.get(key)
    this.#timelines.put(key, job === undefined ? undefined : this.#entryOf(job))
  }

  #entryOf(job: RunnerJob): IndexEntry {
    const { repository } = job.spec
    const state = stateOf(this.#caches, job)
    const lists = [listName(), listName(repository), listName(undefined, state), listName(repository, state)]
    return { ms: Date.parse(delegatedAt(job)), lists }
  }
}

function listName(repository = '', state = ''): string {
  return `${repositoryKey(repository)} ${state}`
}
