/** Allows a burst of `limit`, then one per interval. */
export class TokenBucket {
  readonly #limit: number
  readonly #refillMs: number
  #tokens: number
  #refilledAtMs: number

  constructor(limit: number, refillMs: number, nowMs: number) {
    this.#limit = limit
    this.#refillMs = refillMs
    this.#tokens = limit
    this.#refilledAtMs = nowMs
  }

  take(nowMs: number): boolean {
    this.#tokens = Math.min(this.#limit, this.#tokens + (nowMs - this.#refilledAtMs) / this.#refillMs)
    this.#refilledAtMs = nowMs
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }
}
