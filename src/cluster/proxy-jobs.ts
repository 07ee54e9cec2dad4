import { proxyKey, repositoryKey } from '../api/names.ts'
import type { RunnerJob } from '../api/runner-job.ts'
import { isFinished } from '../domain/job/phases.ts'
import type { Store } from '../kube/cache/store.ts'

/** The jobs that one proxy runner delegated: how many are unfinished, and how many each repository has. */
interface Tally {
  live: number
  byRepository: Map<string, number>
}

/** The cached jobs by proxy runner. A change of a job costs the same with any number of jobs. */
export class ProxyJobs {
  readonly #tallies = new Map<string, Tally>()
  readonly #handlers: ((proxyKey: string) => void)[] = []

  constructor(jobs: Store<RunnerJob>) {
    for (const job of jobs.list()) this.#count(job, 1)
    jobs.onChange(({ old, now }) => {
      // No other change matters: a job's facts are immutable.
      if (old !== undefined && now !== undefined && isFinished(old) === isFinished(now)) return
      const touched = new Set([this.#count(now, 1), this.#count(old, -1)])
      for (const key of touched) if (key !== undefined) for (const handler of this.#handlers) handler(key)
    })
  }

  /** Calls back with the key of each proxy runner whose results below may have changed. */
  onChange(handler: (proxyKey: string) => void): void {
    this.#handlers.push(handler)
  }

  /** Whether the proxy runner has delegated an unfinished job. */
  isDelegating(key: string): boolean {
    return (this.#tallies.get(key)?.live ?? 0) > 0
  }

  /** Keys of the repositories whose jobs the proxy runner delegated. */
  repositoriesOf(key: string): Iterable<string> {
    return this.#tallies.get(key)?.byRepository.keys() ?? []
  }

  /** Returns the key of the proxy runner, if one delegated the job. */
  #count(job: RunnerJob | undefined, by: 1 | -1): string | undefined {
    if (job?.spec.runnerName === undefined || job.spec.runnerName === '') return undefined
    const { runnerName } = job.spec
    const repository = repositoryKey(job.spec.repository)
    const key = proxyKey(job.metadata.namespace, runnerName)
    const { live, byRepository } = this.#tallies.get(key) ?? { live: 0, byRepository: new Map<string, number>() }
    const jobs = (byRepository.get(repository) ?? 0) + by
    if (jobs > 0) byRepository.set(repository, jobs)
    else byRepository.delete(repository)
    const tally = { live: live + (isFinished(job) ? 0 : by), byRepository }
    if (byRepository.size > 0) this.#tallies.set(key, tally)
    else this.#tallies.delete(key)
    return key
  }
}
