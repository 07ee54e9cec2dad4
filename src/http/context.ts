import type { RouterMiddleware } from '@koa/router'
import type { Middleware, ParameterizedContext } from 'koa'
import type { ConcurrencyLimit } from '../auth/concurrency-limit.ts'
import type { Caller } from '../auth/token-review.ts'
import type { Caches } from '../cluster/caches.ts'
import type { KubeClient } from '../kube/client/client.ts'
import type { Clock } from '../kube/runtime/clock.ts'
import type { Log } from '../kube/runtime/logger.ts'
import type { BasePathOf } from './base-path.ts'
import type { RouteName } from './routes.ts'

/** What a route hands to the envelope. */
export interface RouteResult {
  data?: unknown
  pagination?: unknown
}

/** What middleware hands on, in `ctx.state`. */
export interface FacadeState {
  /** Set for every route under /api. */
  caller?: Caller
  /** Who is calling was found out before the API server stopped to answer. */
  isStale?: boolean
  answer?: RouteResult
  /** Name of the route. */
  route?: string
  /** Name of the route, where it changes something. */
  mutation?: string
  /** What the audit line of a call that changes something tells besides who and what; never a secret. */
  audit?: Readonly<Record<string, string | boolean | undefined>>
  /** Set by `goneSignal`, so that all parts of a request share it. */
  goneSignal?: AbortSignal
  /** Called when the response is closed; see `request-signal.ts`. */
  closeCallbacks?: (() => void)[]
}

export type FacadeContext = ParameterizedContext<FacadeState>

export type FacadeMiddleware = Middleware<FacadeState>

/** What the routes work with. */
export interface FacadeDeps {
  client: KubeClient
  caches: Caches
  namespace: string
  clock: Clock
  log: Log
  /** Version in the metadata of every answer. */
  version: string
  idempotencyWindowMs: number
  /** How often proxy runners say that they are there. */
  heartbeatMs: number
  /** Most proxy runners that are registered. */
  maxProxies: number
  /** Followed logs, which stay open. */
  logStreams: ConcurrencyLimit
  metrics: HttpMetrics
  /** Where a caller finds us; at the root if not given. */
  basePathOf?: BasePathOf
}

/** All metrics of the process, in Prometheus' text format, and what the facade adds to them. */
export interface HttpMetrics {
  contentType: string
  text(): Promise<string>
  /** Counts an answer: the route's name, the status code, and the seconds that it took, where anybody knows. */
  answered(route: string, code: number, seconds?: number): void
}

/** What answers to the routes of these names. */
export type Handlers<Name extends RouteName = RouteName> = Readonly<Record<Name, RouterMiddleware<FacadeState>>>
