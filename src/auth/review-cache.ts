import { Lru } from '../collections/lru.ts'
import { isOutage } from '../kube/client/errors.ts'
import { InFlight } from '../kube/client/in-flight.ts'
import type { Clock } from '../kube/runtime/clock.ts'

/** The result of a granted review. */
export interface ReviewGrant<V> {
  value: V
  /** Hard expiry, even in an outage (milliseconds since 1970). */
  expiresAtMs?: number | undefined
}

/** The result of a question: a value, or undefined if denied. */
export interface ReviewResult<V> {
  value: V | undefined
  /** An earlier result, since the API server is unreachable. It may count for reads. */
  isStale: boolean
}

export interface ReviewCacheOptions {
  clock: Pick<Clock, 'monotonicMs' | 'now'>
  /** Cache TTL of grants; denials are cached for a fifth of it. */
  keepMs: number
  /** How long a grant counts while the API server is unreachable. */
  graceMs: number
  /** Limit of concurrent reviews without an earlier grant; unlimited by default. Other reviews do not wait behind them. */
  mostNew?: number
}

interface Granted<V> {
  value: V
  grantedAtMs: number
  validUntilMs: number
  refreshAtMs: number
  isStale: boolean
}

/** Limit of cached results of each kind, the most recently used: about ten megabytes at most. */
const MAX_ENTRIES = 10_000

/** Timeout of a review, and the pause after an outage before the next try. */
const REVIEW_TIMEOUT_MS = 5000
const OUTAGE_PAUSE_MS = 2000

/**
 * Caches the results of one kind of review for seconds. Concurrent calls with the same question share one review. Denials
 * cannot evict grants.
 */
export class ReviewCache<V> {
  readonly #options: ReviewCacheOptions
  readonly #granted = new Lru<string, Granted<V>>(MAX_ENTRIES)
  /** Expiry of denials. */
  readonly #denied = new Lru<string, number>(MAX_ENTRIES)
  readonly #new: InFlight | undefined
  readonly #pending = new Map<string, Promise<ReviewResult<V>>>()

  constructor(options: ReviewCacheOptions) {
    this.#options = options
    this.#new = options.mostNew === undefined ? undefined : new InFlight(options.mostNew)
  }

  /** The result for the question with this hash; calls `review` if it is not cached. */
  async get(
    hash: string,
    review: (signal: AbortSignal) => Promise<ReviewGrant<V> | undefined>,
  ): Promise<ReviewResult<V>> {
    const now = this.#options.clock.monotonicMs()
    const known = this.#granted.get(hash)
    if (known !== undefined && now < known.refreshAtMs) return known
    if (now < (this.#denied.get(hash) ?? 0)) return { value: undefined, isStale: false }
    const pending = this.#pending.get(hash)
    if (pending !== undefined) return pending
    const result = this.#review(hash, review).finally(() => this.#pending.delete(hash))
    this.#pending.set(hash, result)
    return result
  }

  async #review(
    hash: string,
    review: (signal: AbortSignal) => Promise<ReviewGrant<V> | undefined>,
  ): Promise<ReviewResult<V>> {
    const signal = AbortSignal.timeout(REVIEW_TIMEOUT_MS)
    try {
      const grant = this.#granted.get(hash) === undefined ? await this.#reviewNew(review, signal) : await review(signal)
      return grant === undefined ? this.#deny(hash) : this.#grant(hash, grant)
    } catch (error) {
      const earlier = isOutage(error) ? this.#earlier(hash) : undefined
      if (earlier === undefined) throw error
      return earlier
    }
  }

  async #reviewNew(
    review: (signal: AbortSignal) => Promise<ReviewGrant<V> | undefined>,
    signal: AbortSignal,
  ): Promise<ReviewGrant<V> | undefined> {
    const leave = await this.#new?.acquire(signal)
    try {
      return await review(signal)
    } finally {
      leave?.()
    }
  }

  #grant(hash: string, { value, expiresAtMs = Number.POSITIVE_INFINITY }: ReviewGrant<V>): ReviewResult<V> {
    const { clock, keepMs } = this.#options
    const now = clock.monotonicMs()
    const validUntilMs = now + expiresAtMs - clock.now().getTime()
    const refreshAtMs = Math.min(now + keepMs, validUntilMs)
    const granted = { value, grantedAtMs: now, validUntilMs, refreshAtMs, isStale: false }
    this.#granted.set(hash, granted)
    return granted
  }

  #deny(hash: string): ReviewResult<V> {
    const { clock, keepMs } = this.#options
    this.#granted.delete(hash)
    this.#denied.set(hash, clock.monotonicMs() + keepMs / 5)
    return { value: undefined, isStale: false }
  }

  /** The earlier grant, if it is recent enough; it then counts for a while without another try. */
  #earlier(hash: string): ReviewResult<V> | undefined {
    const { clock, graceMs } = this.#options
    const now = clock.monotonicMs()
    const known = this.#granted.get(hash)
    if (known === undefined) return undefined
    const endMs = Math.min(known.grantedAtMs + graceMs, known.validUntilMs)
    if (now >= endMs) return undefined
    const stale = { ...known, isStale: true, refreshAtMs: Math.min(now + OUTAGE_PAUSE_MS, endMs) }
    this.#granted.set(hash, stale)
    return stale
  }
}
