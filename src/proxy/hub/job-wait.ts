import type { IncomingHttpHeaders } from 'node:http'
import { pathTo } from '../../client/address.ts'
import { Backoff } from '../../kube/runtime/backoff.ts'
import type { Clock } from '../../kube/runtime/clock.ts'
import type { Bell } from '../bell.ts'
import { isTemporary, retryAfterMs } from './delegation.ts'
import { isOver, type JobView } from '../job/ending.ts'
import { type Answer, dataOf, type Hub, Refused } from './hub.ts'
import { fieldsOf } from '../../api/json.ts'
import { textOf } from '../json.ts'
import { pauseMs } from './pace.ts'

export interface WaitOptions {
  hub: Hub
  id: string
  clock: Clock
  random: () => number
  /** Rings when the job may be over. */
  bell: Bell
  /** Whether the end would ring the bell at once. */
  isHeard: () => boolean
  /** How long the hub may be unreachable. */
  lostMs: number
  onState: (view: JobView) => void
}

/** How long the hub shall hold an answer back while the job goes on: less than proxies in between wait for one. */
const WAIT_SECONDS = 45

/** How often the hub is asked although its event would report the end. */
const SELDOM_MS = 15 * 60_000

/** When to ask again after the bell has rung: another replica of the hub may not know what the bell rang for. */
const NEAR_MS = [0, 1000, 2000, 4000, 8000]

/** How often in a row a job may be unknown: a replica of the hub may not have heard of it yet. */
const MOST_UNKNOWN = 3

/**
 * Waits for the end of a job. Asks REST when the bell rings, and else as seldom as the rate limit wants; a hub that knows
 * `waitSeconds` answers as soon as the job is over.
 */
export class JobWait {
  readonly #options: WaitOptions
  readonly #lost: Backoff
  #lostSince: number | undefined
  #unknown = 0
  #pauseMs: number
  /** How many of the moments after the last ring are past. */
  #near = NEAR_MS.length

  constructor(options: WaitOptions, headers: IncomingHttpHeaders) {
    this.#options = options
    this.#lost = new Backoff({ ...options, minMs: 500, maxMs: 30_000, resetAfterMs: 0 })
    this.#pauseMs = pauseMs(headers, options.clock.now().getTime())
  }

  /** The job once it is over. Rejects where the hub refuses, or is unreachable for too long. */
  async end(signal: AbortSignal): Promise<JobView> {
    const { bell, clock, onState } = this.#options
    for (;;) {
      const isRung = await bell.wait(clock, this.#delayMs(), signal)
      if (isRung) this.#near = 1
      else if (this.#near < NEAR_MS.length) this.#near += 1
      const view = await this.#ask(signal)
      if (view === undefined) continue
      onState(view)
      if (isOver(view)) return view
    }
  }

  #delayMs(): number {
    if (this.#lostSince !== undefined) return Math.max(this.#lost.next(), this.#pauseMs)
    return NEAR_MS[this.#near] ?? (this.#options.isHeard() ? SELDOM_MS : this.#pauseMs)
  }

  /** The job as it is now, or later; undefined where the hub does not say it now. */
  async #ask(signal: AbortSignal): Promise<JobView | undefined> {
    const { hub, id, clock } = this.#options
    const path = pathTo('getJob', { path: { id }, query: { waitSeconds: WAIT_SECONDS } })
    const askedAt = clock.monotonicMs()
    try {
      const answer = await hub.call(path, { withinMs: (WAIT_SECONDS + 30) * 1000 }, signal)
      this.#lostSince = undefined
      this.#unknown = 0
      this.#lost.healthy()
      // The hub has waited as well: whatever the bell rang for, it was not the end.
      if (clock.monotonicMs() - askedAt > (WAIT_SECONDS * 1000) / 2) this.#near = NEAR_MS.length
      this.#pauseMs = pauseMs(answer.headers, clock.now().getTime())
      return viewOf(answer)
    } catch (error) {
      if (signal.aborted) throw error
      this.#missed(error, askedAt)
      return undefined
    }
  }

  #missed(error: unknown, askedAt: number): void {
    const { clock, lostMs } = this.#options
    if (error instanceof Refused && error.status === 404) {
      this.#unknown += 1
      if (this.#unknown === MOST_UNKNOWN) throw error
      this.#near = 1
      return
    }
    if (!isTemporary(error)) throw error
    this.#pauseMs = retryAfterMs(error) ?? 0
    this.#lostSince ??= askedAt
    if (clock.monotonicMs() - this.#lostSince > lostMs) throw error
  }
}

function viewOf(answer: Answer): JobView {
  const data = dataOf(answer)
  const { reason, message, exitCode, result } = fieldsOf(data['metadata'])
  const texts = { reason: textOf(reason), message: textOf(message), result: textOf(result) }
  return {
    status: textOf(data['status']) ?? 'unknown',
    ...Object.fromEntries(Object.entries(texts).filter(([, value]) => value !== undefined)),
    ...(typeof exitCode === 'number' && { exitCode }),
  }
}
