import type { OutgoingHttpHeaders } from 'node:http'
import { deferred } from '../../../src/kube/runtime/signals.ts'

/** Which requests a rule is for; what is left out matches everything. */
export interface Match {
  method?: string
  /** Only what may change something. */
  isWrite?: boolean
  /** Against path and query as they were sent, still encoded: `/\/pods\?.*watch=true/`. */
  path?: RegExp
  userAgent?: RegExp
  /** Only the nth of the requests that match otherwise, counted from 1. */
  nth?: number
  /** Only so many of them, from the first that matches. */
  times?: number
}

export type Fault =
  | { is: 'delay'; ms: number }
  | { is: 'stall' }
  | { is: 'cut' }
  | { is: 'cutMidLine' }
  | { is: 'dropReply' }
  | { is: 'answer'; status: number; body: unknown; headers: OutgoingHttpHeaders }
  | { is: 'rewrite'; change: (text: string) => string }

/** What is known of a request. */
export interface SeenRequest {
  method: string
  /** With its query. */
  path: string
  userAgent: string
  authorization: string | undefined
  /** The monotonic time of its arrival. */
  at: number
  /** What the API server answered, once it has. */
  status?: number
}

/** A fault for the requests that match, until it is removed; it counts those it has met. */
export class Rule {
  readonly fault: Fault
  readonly #match: Match
  readonly #removed = deferred<void>()
  #active = true
  #matched = 0
  #hits = 0

  constructor(match: Match, fault: Fault) {
    this.#match = match
    this.fault = fault
  }

  /** How many requests have met this fault. */
  get hits(): number {
    return this.#hits
  }

  get active(): boolean {
    return this.#active
  }

  /** Resolves when the rule is removed. */
  get removed(): Promise<void> {
    return this.#removed.promise
  }

  /** Ends the fault; what it holds back flows again. */
  remove(): void {
    this.#active = false
    this.#removed.resolve()
  }

  /** True for a request that is meant; to be asked once per request, as it counts. */
  meets(request: SeenRequest): boolean {
    const { nth, times } = this.#match
    if (!this.#active || !matches(this.#match, request)) return false
    this.#matched += 1
    const meant = (nth === undefined || nth === this.#matched) && (times === undefined || this.#matched <= times)
    if (meant) this.#hits += 1
    return meant
  }
}

/** True when the request is what the match describes, its number aside. */
export function matches({ method, isWrite, path, userAgent }: Match, request: SeenRequest): boolean {
  if (isWrite === true && request.method === 'GET') return false
  if (method !== undefined && method !== request.method) return false
  return path?.test(request.path) !== false && userAgent?.test(request.userAgent) !== false
}
