import type { ConfigMap } from '../api/config-map.ts'
import { LEDGER_NAME } from '../api/names.ts'
import { keyOf } from '../api/object.ts'
import type { Requested, RunnerJob } from '../api/runner-job.ts'
import { isFinished } from '../domain/job/phases.ts'
import { emptyLedger, type Ledger, parseLedger } from '../domain/totals/ledger.ts'
import { highest, minus, noJobs, plus, shareOf, type Totals } from '../domain/totals/totals.ts'
import type { Change, Store } from '../kube/cache/store.ts'
import { compareVersions } from '../kube/cache/transform.ts'
import type { Log } from '../kube/runtime/logger.ts'
import { RequestedTotals } from './requested-totals.ts'

export interface JobTotalsOptions {
  jobs: Store<RunnerJob>
  ledgers: Store<ConfigMap>
  /** How many repositories have a number of their own in what jobs requested. */
  mostRepositories: number
  log: Log
}

/** A finished job that was deleted and that the ledger does not count yet. */
export interface Departed {
  job: RunnerJob
  /** A version of the jobs at which it still existed. */
  after: string
}

/**
 * The totals of all jobs of the cluster: the ledger, plus the finished jobs in the cache that it does not count, plus
 * the finished jobs deleted from the cache that it does not count yet. Each change updates the totals, so reading costs
 * the same with any number of jobs. Every process computes the same numbers, and they never decrease.
 */
export class JobTotals {
  readonly #jobs: Store<RunnerJob>
  readonly #ledgers: Store<ConfigMap>
  readonly #log: Log
  readonly #departed = new Map<string, Departed>()
  readonly #requested: RequestedTotals
  #leaving: ReadonlySet<string> = new Set()
  #ledger: Ledger | undefined
  /** A ledger that is newer than the cache of jobs, so that the two cannot be added yet. */
  #ahead: Ledger | undefined
  #lost: ConfigMap | undefined
  #here = noJobs
  #gone = noJobs
  #shown: Totals | undefined

  constructor({ jobs, ledgers, mostRepositories, log }: JobTotalsOptions) {
    this.#requested = new RequestedTotals(mostRepositories)
    this.#jobs = jobs
    this.#ledgers = ledgers
    this.#log = log
    jobs.onChange((change) => this.#jobChanged(change))
    ledgers.onChange((change) => this.#ledgerChanged(change))
  }

  /** The totals; undefined until both caches are filled and fit together. */
  read(): Totals | undefined {
    const ledger = this.ledger()
    if (ledger === undefined) return this.#shown
    const now = plus(ledger.totals, plus(this.#here, this.#gone))
    this.#shown = this.#shown === undefined ? now : highest(this.#shown, now)
    return this.#shown
  }

  /** What the counted jobs requested, by repository; empty until the totals are known. */
  readRequested(): ReadonlyMap<string, Requested> {
    const ledger = this.ledger()
    return ledger === undefined ? new Map() : this.#requested.read(ledger)
  }

  /** The repositories that have a number of their own in what jobs requested, beside those of this ledger. */
  namedBeside(ledger: Ledger): ReadonlySet<string> {
    return this.#requested.named(ledger)
  }

  /** The ledger that the totals are based on; undefined until it is known. It survives the deletion of its ConfigMap. */
  ledger(): Ledger | undefined {
    if (!this.#jobs.hasSynced() || !this.#ledgers.hasSynced()) return undefined
    this.#catchUp()
    if (this.#ledgers.size === 0) this.#ledger ??= emptyLedger
    return this.#ledger
  }

  /** The last ConfigMap of the ledger, if that was deleted. */
  get lost(): ConfigMap | undefined {
    return this.#lost
  }

  /** Whether the ledger counts the job, so that it may be deleted. */
  counts(job: RunnerJob): boolean {
    this.#catchUp()
    return this.#isLeaving(job)
  }

  /** Finished jobs that were deleted and that the next ledger has to count. */
  departed(): readonly Departed[] {
    this.#catchUp()
    return [...this.#departed.values()]
  }

  #isLeaving({ metadata }: RunnerJob): boolean {
    return this.#leaving.has(metadata.uid)
  }

  /** Uses the current ledger: the job has already left the cache, and a switch to a newer ledger would miss its share. */
  #jobChanged({ old, now, after }: Change<RunnerJob>): void {
    if (old !== undefined) this.#countHere(old, minus)
    if (now !== undefined) {
      this.#forget(now.metadata.uid) // a list had missed it
      this.#countHere(now, plus)
    } else if (old !== undefined && isFinished(old) && !this.#isLeaving(old)) {
      this.#departed.set(old.metadata.uid, { job: old, after: after ?? '0' })
      this.#gone = plus(this.#gone, shareOf(old))
      this.#requested.add(old)
    }
  }

  #countHere(job: RunnerJob, change: typeof plus): void {
    if (!isFinished(job) || this.#isLeaving(job)) return
    this.#here = change(this.#here, shareOf(job))
    if (change === plus) this.#requested.add(job)
    else this.#requested.remove(job)
  }

  #forget(uid: string): void {
    const departed = this.#departed.get(uid)
    if (departed === undefined) return
    this.#departed.delete(uid)
    this.#gone = minus(this.#gone, shareOf(departed.job))
    this.#requested.remove(departed.job)
  }

  #ledgerChanged({ old, now: object }: Change<ConfigMap>): void {
    this.#lost = object === undefined ? old : undefined
    if (object?.metadata.name !== LEDGER_NAME) return
    // There was no ledger before.
    if (old === undefined && this.#ledgers.hasSynced()) this.#ledger ??= emptyLedger
    try {
      this.#ahead = ledgerOf(object)
      this.#catchUp()
    } catch (error) {
      this.#log.error({ err: error, configMap: keyOf(object) }, 'the ledger of job totals cannot be read')
    }
  }

  /**
   * Switches to the newer ledger once the cache of jobs is as new as the one that the ledger was computed from: before
   * that, a job that the ledger counted and dropped could still be in the cache, and would count twice. No event marks
   * that moment, so every read starts here.
   */
  #catchUp(): void {
    const next = this.#ahead
    if (next === undefined || compareVersions(next.asOf, this.#jobs.version) > 0) return
    this.#ahead = undefined
    this.#ledger = next
    const before = this.#leaving
    const leaving = new Set(next.leaving)
    for (const uid of leaving) if (!before.has(uid)) this.#recount(uid, minus)
    this.#leaving = leaving
    for (const uid of before) if (!leaving.has(uid)) this.#recount(uid, plus)
    for (const uid of [...leaving, ...next.gone]) this.#forget(uid)
    // A ledger version that this process missed may have named them.
    for (const [uid, { after }] of this.#departed) if (compareVersions(next.goneSince, after) > 0) this.#forget(uid)
  }

  #recount(uid: string, change: typeof plus): void {
    for (const job of this.#jobs.byIndex('uid', uid)) this.#countHere(job, change)
  }
}

/** Parses the ledger of a ConfigMap. Ignores versions from another cluster's history, as after a restore. */
export function ledgerOf({ data = {}, metadata }: ConfigMap): Ledger {
  const ledger = parseLedger(data)
  return compareVersions(ledger.asOf, metadata.resourceVersion) > 0 ? { ...ledger, goneSince: '0', asOf: '0' } : ledger
}
