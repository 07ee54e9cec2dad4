import { POOL_LABEL } from '../api/names.ts'
import { keyOf } from '../api/object.ts'
import type { RunnerJob } from '../api/runner-job.ts'
import type { RunnerPool } from '../api/runner-pool.ts'
import { type Caches, jobKeyOf, podOf, runnerOf } from '../cluster/caches.ts'
import { isFinished } from '../domain/job-phases.ts'
import type { Admission } from '../domain/job-plan.ts'
import { delegatedAt } from '../domain/job-status.ts'
import { holdsPlace } from '../domain/places.ts'
import { podState } from '../domain/pod-state.ts'
import { choosePool } from '../domain/pool-choice.ts'
import { WaitingLine } from '../domain/waiting-line.ts'
import { Places } from './places.ts'

export interface SchedulerOptions {
  caches: Caches
  /** Called when a job may have its Runner now, or when what it waits for has changed. */
  wake: (jobKey: string) => void
  /** Most Runners that are being started at once; further ones follow as pods appear. */
  startWindow?: number
}

/**
 * Says which job may have a Runner next: per pool oldest first, within maxRunners. It remembers nothing that the
 * caches do not say, except who was let in and has no Runner yet.
 */
export class Scheduler {
  readonly #caches: Caches
  readonly #wake: (jobKey: string) => void
  readonly #startWindow: number
  readonly #places = new Places()
  readonly #lines = new Map<string, WaitingLine>()
  readonly #lineOf = new Map<string, string>()
  readonly #unplaced = new Map<string, string>()
  readonly #admitted = new Map<string, string>()
  readonly #admittedTo = new Map<string, number>()

  constructor(options: SchedulerOptions) {
    this.#caches = options.caches
    this.#wake = options.wake
    this.#startWindow = options.startWindow ?? 128
  }

  /** The pool that an admitted job was let into. */
  poolOf(jobKey: string): RunnerPool | undefined {
    const poolKey = this.#admitted.get(jobKey)
    return poolKey === undefined ? undefined : this.#caches.pools.get(poolKey)
  }

  /** Whether the job may have a Runner, or what it waits for. */
  admissionOf(jobKey: string): Admission {
    if (this.#admitted.has(jobKey)) return { is: 'admitted' }
    const message = this.#unplaced.get(jobKey)
    if (message !== undefined) return { is: 'waiting', reason: 'NoMatchingPool', message }
    const poolKey = this.#lineOf.get(jobKey)
    const pool = poolKey === undefined ? undefined : this.#caches.pools.get(poolKey)
    const limit = pool === undefined ? '' : ` (maxRunners ${pool.spec.maxRunners})`
    const name = pool?.metadata.name ?? 'a pool'
    return { is: 'waiting', reason: 'PoolFull', message: `waiting for a free place in RunnerPool ${name}${limit}` }
  }

  /** Reads everything from the caches. */
  begin(): void {
    for (const runner of this.#caches.runners.list()) this.runnerChanged(keyOf(runner))
    for (const pod of this.#caches.pods.list()) this.runnerChanged(keyOf(pod))
    for (const job of this.#caches.jobs.list()) this.#place(keyOf(job), job)
    this.#advanceAll()
  }

  jobChanged(jobKey: string): void {
    const job = this.#caches.jobs.get(jobKey)
    if (job === undefined || !this.#waits(job)) this.#leave(jobKey)
    else if (!this.#lineOf.has(jobKey) && !this.#admitted.has(jobKey)) this.#place(jobKey, job)
    if (job !== undefined && isFinished(job)) this.#recount(`${jobKey}-1`)
    this.#advanceAll()
  }

  /** A Runner or its pod (both have the same name) appeared, changed or went. */
  runnerChanged(runnerKey: string): void {
    const jobKey = this.#recount(runnerKey)
    if (jobKey !== undefined && this.#caches.runners.get(runnerKey) !== undefined) this.#leave(jobKey)
    this.#advanceAll()
  }

  poolsChanged(): void {
    for (const jobKey of [...this.#lineOf.keys(), ...this.#unplaced.keys()]) {
      const job = this.#caches.jobs.get(jobKey)
      this.#leave(jobKey)
      if (job !== undefined && this.#waits(job)) this.#place(jobKey, job)
      this.#wake(jobKey)
    }
    this.#advanceAll()
  }

  #waits(job: RunnerJob): boolean {
    const { metadata, spec, status } = job
    if (metadata.deletionTimestamp !== undefined || spec.cancel || isFinished(job)) return false
    return (
      status.runnerRef === undefined &&
      runnerOf(this.#caches, job) === undefined &&
      podOf(this.#caches, job) === undefined
    )
  }

  #place(jobKey: string, job: RunnerJob): void {
    if (!this.#waits(job)) return
    this.#unplaced.delete(jobKey)
    const choice = choosePool(job, this.#caches.pools.list())
    if (choice.pool === undefined) {
      this.#unplaced.set(jobKey, choice.message)
      return
    }
    const poolKey = keyOf(choice.pool)
    const line = this.#lines.get(poolKey) ?? new WaitingLine()
    this.#lines.set(poolKey, line)
    line.add({ key: jobKey, delegatedMs: Date.parse(delegatedAt(job)) })
    this.#lineOf.set(jobKey, poolKey)
  }

  #leave(jobKey: string): void {
    this.#unplaced.delete(jobKey)
    const poolKey = this.#lineOf.get(jobKey)
    if (poolKey !== undefined) this.#lines.get(poolKey)?.remove(jobKey)
    this.#lineOf.delete(jobKey)
    const admittedTo = this.#admitted.get(jobKey)
    if (admittedTo === undefined) return
    this.#admitted.delete(jobKey)
    this.#admittedTo.set(admittedTo, (this.#admittedTo.get(admittedTo) ?? 1) - 1)
  }

  /** Brings the place of one Runner up to date; answers whose it is. */
  #recount(runnerKey: string): string | undefined {
    const runner = this.#caches.runners.get(runnerKey)
    const pod = this.#caches.pods.get(runnerKey)
    const object = runner ?? pod
    const poolName = runner?.spec.poolName ?? pod?.metadata.labels?.[POOL_LABEL]
    const jobKey = object === undefined ? undefined : jobKeyOf(object)
    const job = jobKey === undefined ? undefined : this.#caches.jobs.get(jobKey)
    if (object !== undefined && poolName !== undefined && holdsPlace(runner, job, podState(pod))) {
      this.#places.hold(runnerKey, `${object.metadata.namespace ?? ''}/${poolName}`, pod !== undefined)
    } else {
      this.#places.free(runnerKey)
    }
    return jobKey
  }

  #advanceAll(): void {
    for (const [poolKey, line] of this.#lines) {
      this.#advance(poolKey, line)
      if (line.size === 0) this.#lines.delete(poolKey)
    }
  }

  #advance(poolKey: string, line: WaitingLine): void {
    const limit = this.#caches.pools.get(poolKey)?.spec.maxRunners ?? 0
    while (this.#places.count(poolKey) + (this.#admittedTo.get(poolKey) ?? 0) < limit) {
      if (this.#admitted.size + this.#places.podless >= this.#startWindow) return
      const jobKey = line.shift()
      if (jobKey === undefined) return
      this.#lineOf.delete(jobKey)
      this.#admitted.set(jobKey, poolKey)
      this.#admittedTo.set(poolKey, (this.#admittedTo.get(poolKey) ?? 0) + 1)
      this.#wake(jobKey)
    }
  }
}
