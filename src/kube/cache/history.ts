/** A list is older than the store: the cluster was restored, or one API server lags behind. */
export class WentBack extends Error {
  override name = 'WentBack'
}

/** A cache that follows the history of a cluster together with others. */
export interface Follower {
  /** Distrusts what it holds, and lists again. */
  doubt(): void
  /** Whether the connection was not lost since it last knew that the cluster has its history. */
  isSure(): boolean
  /**
   * Resolves if the cluster still has the history of this cache. It asks the API server only if the connection was lost
   * since it last knew. Rejects with WentBack if versions went back, and with another error where that is unknown.
   */
  confirm(signal: AbortSignal): Promise<void>
}

/**
 * The history of the cluster that the caches of a process follow. A restore from a snapshot ends it for all of them: what
 * one cache read before must not be combined with what another one reads after.
 */
export class History {
  readonly #followers = new Set<Follower>()
  #present = new AbortController()

  join(follower: Follower): void {
    this.#followers.add(follower)
  }

  /** Aborted when a cache finds that versions went back. Then all caches list again, and the next history begins. */
  get present(): AbortSignal {
    return this.#present.signal
  }

  /** Ends the history. */
  wentBack(reason: WentBack): void {
    const past = this.#present
    this.#present = new AbortController()
    for (const follower of this.#followers) follower.doubt()
    past.abort(reason)
  }

  /** Resolves if the cluster still has the history of all caches; rejects as `Follower.confirm` does. */
  async confirm(signal: AbortSignal): Promise<void> {
    // Each write asks; nearly always all are sure.
    const unsure = [...this.#followers].filter((follower) => !follower.isSure())
    if (unsure.length > 0) await Promise.all(unsure.map((follower) => follower.confirm(signal)))
  }
}
