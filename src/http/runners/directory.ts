import type { Runner } from '../../api/runner.ts'
import { repositoryKey } from '../../api/names.ts'
import { followShownRunners } from '../../cluster/caches.ts'
import { DelayHeap } from '../../collections/delay-heap.ts'
import { type IndexEntry, SortedIndexes } from '../../collections/sorted-index.ts'
import type { FacadeDeps } from '../context.ts'
import type { RunnerQuery } from './list-query.ts'
import { presence, runnerRow, runnerStateOf, type RunnerViewDeps, typeOf } from './views.ts'

/** A page of rows, newest first, and the total of all pages. */
export interface RunnerPage {
  rows: Record<string, unknown>[]
  total: number
}

/** Indexes all Runners by time of creation for every combination of filters, so that no page iterates over all Runners. */
export class RunnerDirectory {
  readonly #deps: RunnerViewDeps
  readonly #timelines = new SortedIndexes()
  /** When each silent proxy runner becomes offline, which no event announces. */
  readonly #deadlines = new DelayHeap<true>()

  constructor({ caches, clock, heartbeatMs }: Pick<FacadeDeps, 'caches' | 'clock' | 'heartbeatMs'>) {
    this.#deps = { caches, clock, heartbeatMs }
    caches.proxyJobs.onChange((key) => this.#put(key))
    followShownRunners(caches, (key) => this.#put(key))
    caches.leases.onChange(({ key }) => this.#put(key))
  }

  /** The rows of one page. */
  page({ type, status, repository, ...range }: RunnerQuery): RunnerPage {
    this.#expire(this.#deps.clock.now().getTime())
    const { keys, total } = this.#timelines.page(listName(type, status, repositoryKey(repository ?? '')), range)
    const runners = keys.map((key) => this.#deps.caches.runners.get(key)).filter((runner) => runner !== undefined)
    return { rows: runners.map((runner) => this.rowOf(runner)), total }
  }

  rowOf(runner: Runner): Record<string, unknown> {
    return runnerRow(this.#deps, runner)
  }

  #expire(nowMs: number): void {
    for (let due = this.#deadlines.popDue(nowMs); due !== undefined; due = this.#deadlines.popDue(nowMs)) {
      this.#put(due.key)
    }
  }

  #put(key: string): void {
    const runner = this.#deps.caches.runners.get(key)
    this.#timelines.put(key, runner === undefined ? undefined : this.#entryOf(key, runner))
    const { offlineAtMs = 0 } = (runner && presence(this.#deps, runner)) ?? {}
    if (offlineAtMs > this.#deps.clock.now().getTime()) this.#deadlines.set(key, offlineAtMs, true)
  }

  #entryOf(key: string, runner: Runner): IndexEntry {
    const state = runnerStateOf(this.#deps, runner)
    const { repository } = runner.spec
    const repositories = new Set([
      '',
      ...(repository === undefined ? [] : [repositoryKey(repository)]),
      ...(runner.spec.type === 'Proxy' ? this.#deps.caches.proxyJobs.repositoriesOf(key) : []),
    ])
    const lists = ['', typeOf(runner)].flatMap((type) =>
      ['', state].flatMap((status) => [...repositories].map((name) => listName(type, status, name))),
    )
    return { ms: Date.parse(runner.metadata.creationTimestamp), lists }
  }
}

function listName(type = '', status = '', repository = ''): string {
  return `${type} ${status} ${repository}`
}
