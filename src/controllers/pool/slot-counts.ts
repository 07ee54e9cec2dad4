/** The Runners that occupy the slots of each pool. */
export class PoolSlots {
  readonly #poolOf = new Map<string, string>()
  readonly #byPool = new Map<string, Set<string>>()
  /** Runners without a pod in the cache, by pool. */
  readonly #podless = new Map<string, Set<string>>()
  #allPodless = 0

  /** Number of Runners with a slot but without a pod. */
  get startingCount(): number {
    return this.#allPodless
  }

  /** Number of these Runners in one pool. */
  podlessOf(poolKey: string): number {
    return this.#podless.get(poolKey)?.size ?? 0
  }

  count(poolKey: string): number {
    return this.#byPool.get(poolKey)?.size ?? 0
  }

  occupy(runnerKey: string, poolKey: string, hasPod: boolean): void {
    this.release(runnerKey)
    this.#poolOf.set(runnerKey, poolKey)
    const holders = this.#byPool.get(poolKey)
    if (holders === undefined) this.#byPool.set(poolKey, new Set([runnerKey]))
    else holders.add(runnerKey)
    if (hasPod) return
    const podless = this.#podless.get(poolKey)
    if (podless === undefined) this.#podless.set(poolKey, new Set([runnerKey]))
    else podless.add(runnerKey)
    this.#allPodless += 1
  }

  release(runnerKey: string): void {
    const poolKey = this.#poolOf.get(runnerKey)
    if (poolKey === undefined) return
    this.#poolOf.delete(runnerKey)
    if (leave(this.#podless, poolKey, runnerKey)) this.#allPodless -= 1
    leave(this.#byPool, poolKey, runnerKey)
  }
}

/** Removes the member from the set of this key, and the set when it is empty. Returns whether it was a member. */
function leave(sets: Map<string, Set<string>>, key: string, member: string): boolean {
  const set = sets.get(key)
  const wasMember = set?.delete(member) ?? false
  if (set?.size === 0) sets.delete(key)
  return wasMember
}
