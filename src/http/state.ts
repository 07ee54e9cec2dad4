import type { Middleware } from 'koa'
import type { Caller } from './static-tokens.ts'

/** What a route hands to the envelope. */
export interface Answer {
  data?: unknown
  pagination?: unknown
}

/** What middleware hands on, in `ctx.state`. */
export interface FacadeState {
  /** Set for every route under /api. */
  caller?: Caller
  answer?: Answer
}

export type FacadeMiddleware = Middleware<FacadeState>
