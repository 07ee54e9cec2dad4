/** Number of jobs that a rate is made of, and the fewest. */
const MOST = 32
const FEWEST = 4
/** Jobs that started before this count no more. */
const WINDOW_MS = 3_600_000

/** How fast the jobs of a pool have got their slots lately. */
export class Throughput {
  /** The latest jobs, oldest first. */
  readonly #starts: { id: string; ms: number }[] = []

  /** A job got its slot at this time; noting it again changes nothing. */
  note(id: string, ms: number): void {
    if (this.#starts.length === MOST && ms <= (this.#starts[0]?.ms ?? 0)) return
    if (this.#starts.some((start) => start.id === id)) return
    const at = this.#starts.findLastIndex((start) => start.ms <= ms) + 1
    this.#starts.splice(at, 0, { id, ms })
    if (this.#starts.length > MOST) this.#starts.shift()
  }

  /** Milliseconds from one job to the next; undefined if too few started within the last hour. */
  msPerJob(now: Date): number | undefined {
    const recent = this.#starts.filter(({ ms }) => ms >= now.getTime() - WINDOW_MS)
    const first = recent[0]?.ms
    if (first === undefined || recent.length < FEWEST) return undefined
    return Math.max(0, now.getTime() - first) / recent.length
  }
}
