import type { OutgoingHttpHeaders } from 'node:http'
import { deferred } from '../../../src/kube/runtime/signals.ts'

/** The requests of a rule; omitted fields match everything. */
export interface Match {
  method?: string
  /** Only requests with a mutating method. */
  isWrite?: boolean
  /** Matched against the raw path and query, still encoded: `/\/pods\?.*watch=true/`. */
  path?: RegExp
  userAgent?: RegExp
  /** Not the requests that match this. */
  except?: Match
  /** Only the nth of the requests that match otherwise, counted from 1. */
  nth?: number
  /** Only the first matching requests, up to this number. */
  times?: number
}

export type Fault =
  | { is: 'delay'; ms: number }
  | { is: 'stall' }
  | { is: 'swallow' }
  | { is: 'cut' }
  | { is: 'cutMidLine' }
  | { is: 'dropReply' }
  | { is: 'answer'; status: number; body: unknown; headers: OutgoingHttpHeaders }
  | { is: 'rewrite'; change: (text: string) => string }
  | { is: 'afterwards'; act: () => void }

/** The record of a request. */
export interface SeenRequest {
  method: string
  /** With its query. */
  path: string
  userAgent: string
  authorization: string | undefined
  /** The monotonic time of its arrival. */
  at: number
  /** The status code of the API server's response, once it exists. */
  status?: number
}

/** A fault for matching requests, until it is removed; it counts the requests that it has hit. */
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

  /** The number of requests that this fault has hit. */
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

  /** Ends the fault; what it holds continues, or is lost. */
  remove(): void {
    this.#active = false
    this.#removed.resolve()
  }

  /** Whether the rule applies to a request. Call this once per request, since it counts. */
  meets(request: SeenRequest): boolean {
    const { nth, times } = this.#match
    if (!this.#active || !matches(this.#match, request)) return false
    this.#matched += 1
    const meant = (nth === undefined || nth === this.#matched) && (times === undefined || this.#matched <= times)
    if (meant) this.#hits += 1
    return meant
  }
}

/** Whether the request matches, without regard to its number. */
export function matches({ method, isWrite, path, userAgent, except }: Match, request: SeenRequest): boolean {
  if (isWrite === true && request.method === 'GET') return false
  if (except !== undefined && matches(except, request)) return false
  if (method !== undefined && method !== request.method) return false
  return path?.test(request.path) !== false && userAgent?.test(request.userAgent) !== false
}
