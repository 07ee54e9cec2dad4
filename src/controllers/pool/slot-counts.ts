/** Who occupies a slot. */
export interface Slot {
  poolKey: string
  /** In lower case. */
  repository: string
  /** A pod that does not start holds its slot, but not the start window. */
  hasPod: boolean
  isRunning: boolean
}

interface PoolCounts {
  all: number
  podless: number
  running: number
  byRepository: Map<string, number>
}

/** The slots of each pool that are occupied, by the key of who occupies them. */
export class PoolSlots {
  readonly #slots = new Map<string, Slot>()
  readonly #pools = new Map<string, PoolCounts>()
  #podless = 0

  /** Number of slots without a pod. */
  get startingCount(): number {
    return this.#podless
  }

  /** Number of these in one pool. */
  podlessOf(poolKey: string): number {
    return this.#pools.get(poolKey)?.podless ?? 0
  }

  count(poolKey: string): number {
    return this.#pools.get(poolKey)?.all ?? 0
  }

  runningIn(poolKey: string): number {
    return this.#pools.get(poolKey)?.running ?? 0
  }

  countOf(poolKey: string, repository: string): number {
    return this.#pools.get(poolKey)?.byRepository.get(repository) ?? 0
  }

  /** The repositories that have slots in a pool, with their number. */
  repositoriesIn(poolKey: string): Iterable<readonly [repository: string, count: number]> {
    return this.#pools.get(poolKey)?.byRepository ?? []
  }

  occupy(key: string, slot: Slot): void {
    this.release(key)
    this.#slots.set(key, slot)
    this.#count(slot, 1)
  }

  /** Returns the slot that is free now, if there was one. */
  release(key: string): Slot | undefined {
    const slot = this.#slots.get(key)
    if (slot === undefined) return undefined
    this.#slots.delete(key)
    this.#count(slot, -1)
    return slot
  }

  #count({ poolKey, repository, hasPod, isRunning }: Slot, change: 1 | -1): void {
    const none = { all: 0, podless: 0, running: 0, byRepository: new Map<string, number>() }
    const counts: PoolCounts = this.#pools.get(poolKey) ?? none
    this.#pools.set(poolKey, counts)
    counts.all += change
    if (isRunning) counts.running += change
    if (!hasPod) {
      counts.podless += change
      this.#podless += change
    }
    const own = (counts.byRepository.get(repository) ?? 0) + change
    if (own === 0) counts.byRepository.delete(repository)
    else counts.byRepository.set(repository, own)
    if (counts.all === 0) this.#pools.delete(poolKey)
  }
}
