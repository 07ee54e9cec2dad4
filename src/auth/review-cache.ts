import { Lru } from '../collections/lru.ts'
import { isOutage } from '../kube/client/errors.ts'
import { InFlight } from '../kube/client/in-flight.ts'
import type { Clock } from '../kube/runtime/clock.ts'

/** What a review granted. */
export interface ReviewGrant<V> {
  value: V
  /** It counts no longer than this, whatever happens (milliseconds since 1970). */
  expiresAtMs?: number | undefined
}

/** The answer to a question: a value, or undefined for no. */
export interface ReviewAnswer<V> {
  value: V | undefined
  /** An earlier answer, because the API server gives none now. It may count for reads. */
  isStale: boolean
}

export interface ReviewCacheOptions {
  clock: Pick<Clock, 'monotonicMs' | 'now'>
  /** How long a yes counts before the API server is asked again; a no counts a fifth of it. */
  keepMs: number
  /** How long a yes counts while the API server does not answer. */
  graceMs: number
  /** Most questions at a time that were never answered with yes; no bound if not given. Others need not wait behind them. */
  mostNew?: number
}

interface Granted<V> {
  value: V
  grantedAtMs: number
  validUntilMs: number
  askAgainAtMs: number
  isStale: boolean
}

/** Most answers of each kind that are kept, the ones used last: some ten megabytes at the very most. */
const MAX_ENTRIES = 10_000

/** How long one review may take, and how long none is tried after it failed. */
const REVIEW_TIMEOUT_MS = 5000
const OUTAGE_PAUSE_MS = 2000

/**
 * Answers of the API server to one kind of review. Each counts for seconds; who asks the same while it is being asked
 * waits for that answer. What is refused cannot push out what was granted.
 */
export class ReviewCache<V> {
  readonly #options: ReviewCacheOptions
  readonly #granted = new Lru<string, Granted<V>>(MAX_ENTRIES)
  /** Until when a no counts. */
  readonly #refused = new Lru<string, number>(MAX_ENTRIES)
  readonly #new: InFlight | undefined
  readonly #asking = new Map<string, Promise<ReviewAnswer<V>>>()

  constructor(options: ReviewCacheOptions) {
    this.#options = options
    this.#new = options.mostNew === undefined ? undefined : new InFlight(options.mostNew)
  }

  /** The answer to the question with this hash, from `review` if it is not known. */
  async get(
    hash: string,
    review: (signal: AbortSignal) => Promise<ReviewGrant<V> | undefined>,
  ): Promise<ReviewAnswer<V>> {
    const now = this.#options.clock.monotonicMs()
    const known = this.#granted.get(hash)
    if (known !== undefined && now < known.askAgainAtMs) return known
    if (now < (this.#refused.get(hash) ?? 0)) return { value: undefined, isStale: false }
    const asked = this.#asking.get(hash)
    if (asked !== undefined) return asked
    const answer = this.#ask(hash, review).finally(() => this.#asking.delete(hash))
    this.#asking.set(hash, answer)
    return answer
  }

  async #ask(
    hash: string,
    review: (signal: AbortSignal) => Promise<ReviewGrant<V> | undefined>,
  ): Promise<ReviewAnswer<V>> {
    const signal = AbortSignal.timeout(REVIEW_TIMEOUT_MS)
    try {
      const grant = this.#granted.get(hash) === undefined ? await this.#askAnew(review, signal) : await review(signal)
      return grant === undefined ? this.#refuse(hash) : this.#grant(hash, grant)
    } catch (error) {
      const earlier = isOutage(error) ? this.#earlier(hash) : undefined
      if (earlier === undefined) throw error
      return earlier
    }
  }

  async #askAnew(
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

  #grant(hash: string, { value, expiresAtMs = Number.POSITIVE_INFINITY }: ReviewGrant<V>): ReviewAnswer<V> {
    const { clock, keepMs } = this.#options
    const now = clock.monotonicMs()
    const validUntilMs = now + expiresAtMs - clock.now().getTime()
    const askAgainAtMs = Math.min(now + keepMs, validUntilMs)
    const granted = { value, grantedAtMs: now, validUntilMs, askAgainAtMs, isStale: false }
    this.#granted.set(hash, granted)
    return granted
  }

  #refuse(hash: string): ReviewAnswer<V> {
    const { clock, keepMs } = this.#options
    this.#granted.delete(hash)
    this.#refused.set(hash, clock.monotonicMs() + keepMs / 5)
    return { value: undefined, isStale: false }
  }

  /** The earlier yes, if it is young enough; it then answers for a while without another try. */
  #earlier(hash: string): ReviewAnswer<V> | undefined {
    const { clock, graceMs } = this.#options
    const now = clock.monotonicMs()
    const known = this.#granted.get(hash)
    if (known === undefined) return undefined
    const endMs = Math.min(known.grantedAtMs + graceMs, known.validUntilMs)
    if (now >= endMs) return undefined
    const stale = { ...known, isStale: true, askAgainAtMs: Math.min(now + OUTAGE_PAUSE_MS, endMs) }
    this.#granted.set(hash, stale)
    return stale
  }
}
