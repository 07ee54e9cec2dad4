import { repositoryKey } from '../../api/names.ts'
import type { RunnerJob } from '../../api/runner-job.ts'
import { type Caches, followShownJobs } from '../../cluster/caches.ts'
import { type IndexEntry, SortedIndexes } from '../../collections/sorted-index.ts'
import { type JobScope, ownerOf } from '../../domain/job/ownership.ts'
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

  /** A page of the jobs in a scope. Those without a recorded caller are only on the pages of all jobs. */
  page({ repository, status, ...range }: ListQuery, scope: JobScope): JobPage {
    const user = scope.is === 'own' ? scope.user : undefined
    const { keys, total } = this.#timelines.page(listName({ repository, status, user }), range)
    return { jobs: keys.map((key) => this.#caches.jobs.get(key)).filter((job) => job !== undefined), total }
  }

  #put(key: string): void {
    const job = this.#caches.jobs.get(key)
    this.#timelines.put(key, job === undefined ? undefined : this.#entryOf(job))
  }

  #entryOf(job: RunnerJob): IndexEntry {
    const { repository } = job.spec
    const status = stateOf(this.#caches, job)
    const owner = ownerOf(job)
    const lists = (owner.is === 'user' ? [undefined, owner.user] : [undefined]).flatMap((user) =>
      [{}, { repository }, { status }, { repository, status }].map((filter) => listName({ ...filter, user })),
    )
    return { ms: Date.parse(delegatedAt(job)), lists }
  }
}

interface ListFilter {
  repository?: string | undefined
  status?: string | undefined
  user?: string | undefined
}

/** The user comes last and quoted, since any text may be a user name. */
function listName({ repository = '', status = '', user }: ListFilter): string {
  return `${repositoryKey(repository)} ${status} ${user === undefined ? '' : JSON.stringify(user)}`
}
