import { type Moment, SortedIndex } from '../../collections/sorted-index.ts'

/** The virtual time that one job of a repository with weight 1 takes. */
const JOB_TIME = 1_000_000

/** The virtual time that one job of a repository takes: a whole number, so that sums are exact. */
export function virtualTimeOf(weight: number): number {
  return Math.round(JOB_TIME / weight)
}

/** The turn of a job: its start tag takes the place of a time. All indexes share it, since finished jobs are many. */
interface Entry extends Moment {
  repository: string
}

/** The start tags of jobs that had their turn, and what follows from them: where the virtual time is, for all and for each repository. */
export class ShareHistory {
  readonly #timeOf: (repository: string) => number
  readonly #starts = new SortedIndex()
  readonly #byRepository = new Map<string, SortedIndex>()
  readonly #entries = new Map<string, Entry>()

  constructor(timeOf: (repository: string) => number) {
    this.#timeOf = timeOf
  }

  get size(): number {
    return this.#entries.size
  }

  /** The virtual time: the latest start tag. */
  get now(): number {
    return this.#starts.last ?? 0
  }

  /** The finish tag of the repository's latest job; 0 if no job of it is known. */
  finishOf(repository: string): number {
    const last = this.#byRepository.get(repository)?.last
    return last === undefined ? 0 : last + this.#timeOf(repository)
  }

  /** Records the turn of a job, or replaces it; returns whether that changed anything. */
  add(key: string, repository: string, start: number): boolean {
    const known = this.#entries.get(key)
    if (known?.repository === repository && known.ms === start) return false
    this.remove(key)
    const entry = { key, ms: start, repository }
    this.#entries.set(key, entry)
    this.#starts.add(entry)
    const own = this.#byRepository.get(repository) ?? new SortedIndex()
    own.add(entry)
    this.#byRepository.set(repository, own)
    return true
  }

  /** Forgets a job; returns its repository if it was known. */
  remove(key: string): string | undefined {
    const known = this.#entries.get(key)
    if (known === undefined) return undefined
    const { repository } = known
    this.#entries.delete(key)
    this.#starts.remove(known)
    const own = this.#byRepository.get(repository)
    own?.remove(known)
    if (own?.size === 0) this.#byRepository.delete(repository)
    return repository
  }
}
