/** Which Runners take up a place of which pool. */
export class PoolSlots {
  readonly #poolOf = new Map<string, string>()
  readonly #byPool = new Map<string, Set<string>>()
  /** Runners whose pod has not been seen yet, by pool. */
  readonly #podless = new Map<string, Set<string>>()
  #allPodless = 0

  /** Runners that hold a place but have no pod yet. */
  get startingCount(): number {
    return this.#allPodless
  }

  /** Those of one pool. */
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

/** Whether the member was in the set of this key; a set that is empty then goes. */
function leave(sets: Map<string, Set<string>>, key: string, member: string): boolean {
  const set = sets.get(key)
  const was = set?.delete(member) ?? false
  if (set?.size === 0) sets.delete(key)
  return was
}
