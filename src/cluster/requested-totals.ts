import { repositoryKey } from '../api/names.ts'
import type { Requested, RunnerJob } from '../api/runner-job.ts'
import { differenceOf, highestOf, nothingRequested, sumOf } from '../domain/job/requested.ts'
import { type Ledger, OTHER } from '../domain/totals/ledger.ts'

/** What the jobs of one repository requested that the ledger does not count. */
interface Uncounted {
  amount: Requested
  jobs: number
  /** When the first of them ended. */
  firstAt: string
}

/**
 * What finished jobs requested, by repository: the ledger, plus the jobs that it does not count. Only so many
 * repositories have a number of their own. They are those in the ledger, then those whose jobs ended first, and they keep
 * it; the others share one. So every process has the same numbers, and none decreases.
 */
export class RequestedTotals {
  readonly #most: number
  readonly #uncounted = new Map<string, Uncounted>()
  #named: ReadonlySet<string> = new Set()
  #shown = new Map<string, Requested>()

  constructor(most: number) {
    this.#most = most
  }

  /** Counts a finished job that the ledger does not count. */
  add({ spec, status }: RunnerJob): void {
    const { requested, completedAt = '' } = status
    if (requested === undefined) return
    const key = repositoryKey(spec.repository)
    const { amount, jobs, firstAt } = this.#uncounted.get(key) ?? {
      amount: nothingRequested,
      jobs: 0,
      firstAt: completedAt,
    }
    const earlier = completedAt < firstAt ? completedAt : firstAt
    this.#uncounted.set(key, { amount: sumOf(amount, requested), jobs: jobs + 1, firstAt: earlier })
  }

  /** Leaves out a job that was added: the ledger counts it, or it came back. */
  remove({ spec, status }: RunnerJob): void {
    const key = repositoryKey(spec.repository)
    const known = this.#uncounted.get(key)
    if (known === undefined || status.requested === undefined) return
    if (known.jobs === 1) this.#uncounted.delete(key)
    else
      this.#uncounted.set(key, { ...known, amount: differenceOf(known.amount, status.requested), jobs: known.jobs - 1 })
  }

  /** The repositories that have a number of their own. */
  named({ requested }: Ledger): ReadonlySet<string> {
    const known = [...requested.keys()].filter((key) => key !== OTHER)
    const named = new Set([...known, ...this.#named].slice(0, this.#most))
    if (named.size < this.#most) {
      const byEnd = [...this.#uncounted].toSorted(([a, x], [b, y]) => compare(x.firstAt, y.firstAt) || compare(a, b))
      for (const [key] of byEnd) if (named.size < this.#most) named.add(key)
    }
    this.#named = named
    return named
  }

  /** The totals of each of them, and of all others together. */
  read(ledger: Ledger): ReadonlyMap<string, Requested> {
    const named = this.named(ledger)
    const now = new Map<string, Requested>([...named, OTHER].map((key) => [key, nothingRequested]))
    const amounts = [...ledger.requested, ...[...this.#uncounted].map(([key, { amount }]) => [key, amount] as const)]
    for (const [repository, amount] of amounts) {
      const key = named.has(repository) ? repository : OTHER
      now.set(key, sumOf(now.get(key) ?? nothingRequested, amount))
    }
    for (const [key, amount] of now) now.set(key, highestOf(amount, this.#shown.get(key) ?? nothingRequested))
    this.#shown = now
    return now
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
