/** Which Runners take up a place of which pool. */
export class PoolSlots {
  readonly #poolOf = new Map<string, string>()
  readonly #byPool = new Map<string, Set<string>>()
  /** Runners whose pod has not been seen yet. */
  readonly #podless = new Set<string>()

  /** Runners that hold a place but have no pod yet. */
  get startingCount(): number {
    return this.#podless.size
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
    if (!hasPod) this.#podless.add(runnerKey)
  }

  release(runnerKey: string): void {
    const poolKey = this.#poolOf.get(runnerKey)
    if (poolKey === undefined) return
    this.#poolOf.delete(runnerKey)
    this.#podless.delete(runnerKey)
    const holders = this.#byPool.get(poolKey)
    holders?.delete(runnerKey)
    if (holders?.size === 0) this.#byPool.delete(poolKey)
  }
}
