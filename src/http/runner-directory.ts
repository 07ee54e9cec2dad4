import { keyOf } from '../api/object.ts'
import type { Runner } from '../api/runner.ts'
import { type Caches, runnerKey } from '../cluster/caches.ts'
import { type Standing, Timelines } from '../domain/timelines.ts'
import type { RunnerQuery } from './runner-query.ts'
import { typeOf } from './runner-states.ts'
import { runnerStateOf } from './runner-view.ts'

/** A page of Runners, newest first, and how many there are in all. */
export interface RunnerPage {
  runners: Runner[]
  total: number
}

/** All Runners by time of creation, for every combination of filters, so that no page costs a walk over all. */
export class RunnerDirectory {
  readonly #caches: Caches
  readonly #timelines = new Timelines()

  constructor(caches: Caches) {
    this.#caches = caches
    for (const runner of caches.runners.list()) this.#put(keyOf(runner))
    caches.runners.onChange(({ key }) => this.#put(key))
    // The Runner of a job that is over is shown as stopping, though nothing is written of it.
    caches.jobs.onChange(({ old, now }) => {
      const job = now ?? old
      if (job !== undefined) this.#put(runnerKey(job))
    })
  }

  page({ type, status, repository, ...range }: RunnerQuery): RunnerPage {
    const { keys, total } = this.#timelines.page(listName(type, status, repository), range)
    return { runners: keys.map((key) => this.#caches.runners.get(key)).filter((runner) => runner !== undefined), total }
  }

  #put(key: string): void {
    const runner = this.#caches.runners.get(key)
    this.#timelines.put(key, runner === undefined ? undefined : this.#standingOf(runner))
  }

  #standingOf(runner: Runner): Standing {
    const state = runnerStateOf(this.#caches, runner)
    const lists = ['', typeOf(runner)].flatMap((type) =>
      ['', state].flatMap((status) =>
        ['', runner.spec.repository].map((repository) => listName(type, status, repository)),
      ),
    )
    return { ms: Date.parse(runner.metadata.creationTimestamp), lists }
  }
}

function listName(type = '', status = '', repository = ''): string {
  return `${type} ${status} ${repository}`
}
