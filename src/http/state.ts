import type { Middleware, ParameterizedContext } from 'koa'
import type { Caller } from './caller.ts'

/** What a route hands to the envelope. */
export interface Answer {
  data?: unknown
  pagination?: unknown
}

/** What middleware hands on, in `ctx.state`. */
export interface FacadeState {
  /** Set for every route under /api. */
  caller?: Caller
  /** Who is calling was found out before the API server stopped to answer. */
  isStale?: boolean
  answer?: Answer
  /** Name of the route. */
  route?: string
  /** Name of the route, where it changes something. */
  mutation?: string
  /** What the audit line of a call that changes something tells besides who and what; never a secret. */
  audit?: Readonly<Record<string, string | boolean | undefined>>
}

export type FacadeContext = ParameterizedContext<FacadeState>

export type FacadeMiddleware = Middleware<FacadeState>
