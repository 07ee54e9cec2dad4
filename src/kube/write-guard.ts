/** Says whether a write may still be begun. */
export interface WriteGuard {
  /** Throws LeaseLost when it may not. */
  check(): void
  /** Aborted at the moment from which nothing may be begun any more. */
  readonly signal: AbortSignal
}
