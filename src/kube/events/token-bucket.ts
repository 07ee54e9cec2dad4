/** So many at once, then one per interval. */
export class TokenBucket {
  readonly #limit: number
  readonly #refillMs: number
  #tokens: number
  #countedAtMs: number

  constructor(limit: number, refillMs: number, nowMs: number) {
    this.#limit = limit
    this.#refillMs = refillMs
    this.#tokens = limit
    this.#countedAtMs = nowMs
  }

  take(nowMs: number): boolean {
    this.#tokens = Math.min(this.#limit, this.#tokens + (nowMs - this.#countedAtMs) / this.#refillMs)
    this.#countedAtMs = nowMs
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }
}
