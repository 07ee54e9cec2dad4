import { SortedIndex } from '../../collections/sorted-index.ts'
import { FairShare } from './fair-share.ts'
import { nextOf, wholeOrder } from './queue-order.ts'
import type { Ticket } from './waiting-line.ts'

/** A job that waits for a slot. */
export interface QueuedJob extends Ticket {
  /** In lower case. */
  repository: string
  priority: number
}

/** Where a job stood in the order when it got its slot. The jobs after it are ordered by this. */
export interface Turn {
  priority: number
  /** Its start tag. */
  start: number
}

/** The rules of a pool's queue. */
export interface QueueRules {
  /** The virtual time that a job of a repository takes: the higher its weight, the shorter. */
  timeOf: (repository: string) => number
  /** In this time a waiting job makes up for one point of priority. */
  agingMs: number
}

/** The order is computed again once this share of the queue has changed, apart from jobs that left at its head. */
const SLACK = 1 / 32

/**
 * The jobs that wait for a slot of one pool. Jobs of the highest priority go first, in a fair order between repositories
 * (FairShare). A job makes up for one point of priority in every `agingMs` that it waits, so that none waits for ever.
 * That is the same as an order by the time of the delegation, moved ahead by the priority, so that the order does not
 * change with time.
 */
export class PoolQueue {
  readonly #rules: QueueRules
  readonly #shares = new Map<number, FairShare>()
  readonly #jobs = new Map<string, QueuedJob>()
  readonly #turns = new Map<string, Turn & { repository: string }>()
  readonly #byAge = new SortedIndex()
  readonly #held = new Set<string>()
  #order: { ranks: Map<string, number>; left: number; changes: number } | undefined

  constructor(rules: QueueRules) {
    this.#rules = rules
  }

  get size(): number {
    return this.#jobs.size
  }

  /** Whether no job waits and no turn is recorded. */
  get isUnused(): boolean {
    return this.#jobs.size === 0 && this.#turns.size === 0
  }

  get(key: string): QueuedJob | undefined {
    return this.#jobs.get(key)
  }

  jobs(): Iterable<QueuedJob> {
    return this.#jobs.values()
  }

  /** The turns that are recorded, by job. */
  turns(): Iterable<readonly [key: string, turn: Turn & { repository: string }]> {
    return this.#turns
  }

  /** When the oldest waiting job was delegated. */
  get oldestMs(): number | undefined {
    return this.#byAge.slice(0, 1).map((key) => this.#jobs.get(key)?.delegatedMs)[0]
  }

  /** Adds a job, or puts it into its new place. */
  add(job: QueuedJob): void {
    this.remove(job.key)
    this.#jobs.set(job.key, job)
    this.#byAge.add({ key: job.key, ms: job.delegatedMs })
    this.#shareOf(job.priority).add(job.repository, job)
    this.#changed()
  }

  remove(key: string): void {
    const job = this.#jobs.get(key)
    if (job === undefined) return
    this.#jobs.delete(key)
    this.#byAge.remove({ key, ms: job.delegatedMs })
    this.#shareOf(job.priority).remove(job.repository, key)
    this.#tidy(job.priority)
    this.#changed()
  }

  /** The repositories that are held back. */
  held(): Iterable<string> {
    return this.#held
  }

  /** Holds the jobs of a repository back, or no longer; returns whether that is a change. */
  hold(repository: string, isHeld: boolean): boolean {
    if (this.#held.has(repository) === isHeld) return false
    if (isHeld) this.#held.add(repository)
    else this.#held.delete(repository)
    for (const share of this.#shares.values()) share.review(repository)
    return true
  }

  /** The turn that a job of this repository had: it orders the jobs after it. */
  charge(key: string, repository: string, { priority, start }: Turn): void {
    const known = this.#turns.get(key)
    if (known?.priority === priority && known.start === start && known.repository === repository) return
    this.uncharge(key)
    this.#turns.set(key, { repository, priority, start })
    this.#shareOf(priority).charge(key, repository, start)
    this.#changed()
  }

  /** Forgets the turn of a job that no longer exists, or that did not use it. */
  uncharge(key: string): void {
    const turn = this.#turns.get(key)
    if (turn === undefined) return
    this.#turns.delete(key)
    this.#shareOf(turn.priority).uncharge(key)
    this.#tidy(turn.priority)
    this.#changed()
  }

  /** Takes the next job that is not held back out of the queue, and records its turn. */
  take(): (QueuedJob & { turn: Turn }) | undefined {
    const next = nextOf(this.#shares, this.#rules.agingMs)
    const job = next === undefined ? undefined : this.#jobs.get(next.key)
    if (next === undefined || job === undefined) return undefined
    const order = this.#order
    const isFirst = order?.ranks.get(job.key) === order?.left
    const turn = { priority: job.priority, start: next.start }
    this.remove(job.key)
    this.charge(job.key, job.repository, turn)
    if (order !== undefined && isFirst) this.#order = { ...order, left: order.left + 1 }
    return { ...job, turn }
  }

  /** The first job of a repository in each priority. */
  headsOf(repository: string): string[] {
    return [...this.#shares.values()].flatMap((share) => share.lineOf(repository)?.first?.key ?? [])
  }

  /** How many jobs of its repository and priority are before the job. */
  beforeInRepository(key: string): number | undefined {
    const job = this.#jobs.get(key)
    return job === undefined ? undefined : this.#shares.get(job.priority)?.lineOf(job.repository)?.before(key)
  }

  /**
   * How many jobs go before this one, if no repository is held back. In a long queue it may be a few jobs out of date:
   * an order costs a pass over the queue.
   */
  before(key: string): number | undefined {
    if (!this.#jobs.has(key)) return undefined
    const { ranks, left } = this.#ranked()
    return Math.max(0, (ranks.get(key) ?? this.size + left - 1) - left)
  }

  /** The whole order, if no repository is held back. */
  order(): string[] {
    return wholeOrder(this.#shares, this.#rules.agingMs)
  }

  #ranked(): { ranks: Map<string, number>; left: number } {
    const known = this.#order
    if (known !== undefined && known.changes <= this.size * SLACK) return known
    const ranks = new Map(this.order().map((key, rank) => [key, rank]))
    this.#order = { ranks, left: 0, changes: 0 }
    return this.#order
  }

  #changed(): void {
    if (this.#order !== undefined) this.#order = { ...this.#order, changes: this.#order.changes + 1 }
  }

  #shareOf(priority: number): FairShare {
    const known = this.#shares.get(priority)
    if (known !== undefined) return known
    const share = new FairShare(this.#rules.timeOf, (repository) => this.#held.has(repository))
    this.#shares.set(priority, share)
    return share
  }

  #tidy(priority: number): void {
    if (this.#shares.get(priority)?.isEmpty === true) this.#shares.delete(priority)
  }
}
