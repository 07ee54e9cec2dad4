import { isOver, type JobRow } from './job-row.ts'

/** Most jobs that are kept: more than an installation stores in a day, and little enough for a phone. */
const MOST_JOBS = 50_000

/** All known jobs, newest first. A snapshot replaces them, and an event only moves a job forward. */
export class JobTable {
  #rows = new Map<string, JobRow>()
  #sorted: JobRow[] | undefined

  get size(): number {
    return this.#rows.size
  }

  get(id: string): JobRow | undefined {
    return this.#rows.get(id)
  }

  /** Newest first; of jobs of one moment, the first by id. */
  list(): readonly JobRow[] {
    return (this.#sorted ??= [...this.#rows.values()].sort(
      (a, b) => b.delegatedMs - a.delegatedMs || (a.id < b.id ? -1 : 1),
    ))
  }

  /** Replaces all jobs, so that those that are gone disappear. */
  replaceAll(rows: Iterable<JobRow>): void {
    this.#rows = new Map([...rows].map((row) => [row.id, row]))
    this.#trim()
  }

  /** Takes a job from an event; false if the event is older than what is known. */
  put(row: JobRow): boolean {
    const known = this.#rows.get(row.id)
    if (known !== undefined && row.sequence < known.sequence) return false
    this.#rows.set(row.id, row)
    this.#sorted = undefined
    if (known === undefined && this.#rows.size > MOST_JOBS) this.#trim()
    return true
  }

  remove(id: string): void {
    if (this.#rows.delete(id)) this.#sorted = undefined
  }

  /** Forgets the oldest jobs that are over, a tenth at a time. */
  #trim(): void {
    this.#sorted = undefined
    if (this.#rows.size <= MOST_JOBS) return
    const ended = this.list().filter(isOver)
    const surplus = this.#rows.size - Math.floor(MOST_JOBS * 0.9)
    for (const { id } of ended.slice(-surplus)) this.#rows.delete(id)
    this.#sorted = undefined
  }
}
