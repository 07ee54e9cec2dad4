import type { Runner } from '../../api/runner.ts'
import { repositoryKey } from '../../api/names.ts'
import { followShownRunners } from '../../cluster/caches.ts'
import { DelayHeap } from '../../collections/delay-heap.ts'
import { type IndexEntry, SortedIndexes } from '../../collections/sorted-index.ts'
import type { FacadeDeps } from '../context.ts'
import type { RunnerQuery } from './list-query.ts'
import { presence, runnerRow, runnerStateOf, type RunnerViewParts, typeOf } from './views.ts'

/** A page of rows, newest first, and how many there are in all. */
export interface RunnerPage {
  rows: Record<string, unknown>[]
  total: number
}

/** All Runners by time of creation, for every combination of filters, so that no page costs a walk over all. */
export class RunnerDirectory {
  readonly #parts: RunnerViewParts
  readonly #timelines = new SortedIndexes()
  /** When silence makes whom offline: no event tells. */
  readonly #silences = new DelayHeap<true>()

  constructor({ caches, clock, heartbeatMs }: Pick<FacadeDeps, 'caches' | 'clock' | 'heartbeatMs'>) {
    this.#parts = { caches, clock, heartbeatMs }
    caches.proxyJobs.onChange((key) => this.#put(key))
    followShownRunners(caches, (key) => this.#put(key))
    caches.leases.onChange(({ key }) => this.#put(key))
  }

  /** The rows of one page. */
  page({ type, status, repository, ...range }: RunnerQuery): RunnerPage {
    this.#letPass(this.#parts.clock.now().getTime())
    const { keys, total } = this.#timelines.page(listName(type, status, repositoryKey(repository ?? '')), range)
    const runners = keys.map((key) => this.#parts.caches.runners.get(key)).filter((runner) => runner !== undefined)
    return { rows: runners.map((runner) => this.rowOf(runner)), total }
  }

  rowOf(runner: Runner): Record<string, unknown> {
    return runnerRow(this.#parts, runner)
  }

  #letPass(nowMs: number): void {
    for (let due = this.#silences.popDue(nowMs); due !== undefined; due = this.#silences.popDue(nowMs)) {
      this.#put(due.key)
    }
  }

  #put(key: string): void {
    const runner = this.#parts.caches.runners.get(key)
    this.#timelines.put(key, runner === undefined ? undefined : this.#standingOf(key, runner))
    const { offlineAtMs = 0 } = (runner && presence(this.#parts, runner)) ?? {}
    if (offlineAtMs > this.#parts.clock.now().getTime()) this.#silences.set(key, offlineAtMs, true)
  }

  #standingOf(key: string, runner: Runner): IndexEntry {
    const state = runnerStateOf(this.#parts, runner)
    const { repository } = runner.spec
    const repositories = new Set([
      '',
      ...(repository === undefined ? [] : [repositoryKey(repository)]),
      ...(runner.spec.type === 'Proxy' ? this.#parts.caches.proxyJobs.repositoriesOf(key) : []),
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
