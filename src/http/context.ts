import type { RouterMiddleware } from '@koa/router'
import type { Middleware, ParameterizedContext } from 'koa'
import type { ArchiveStore } from '../archive/store.ts'
import type { ConcurrencyLimit } from '../auth/concurrency-limit.ts'
import type { Caller } from '../auth/token-review.ts'
import type { Caches } from '../cluster/caches.ts'
import type { Redactor } from '../domain/log/redaction.ts'
import type { KubeClient } from '../kube/client/client.ts'
import type { Clock } from '../kube/runtime/clock.ts'
import type { Log } from '../kube/runtime/logger.ts'
import type { BasePathOf } from './base-path.ts'
import type { RouteName } from './routes.ts'

/** What a route passes to the envelope. */
export interface RouteResult {
  data?: unknown
  pagination?: unknown
}

/** What middleware passes on, in `ctx.state`. */
export interface FacadeState {
  /** Set for every route under /api. */
  caller?: Caller
  /** The caller is known from before the API server stopped answering. */
  isStale?: boolean
  response?: RouteResult
  /** The caller asked to wait: the duration of the request does not measure the process. */
  hasWaited?: boolean
  /** The request uses the job of another caller. */
  usesAllJobs?: true
  /** Name of the route. */
  route?: string
  /** Name of the route if it changes something. */
  mutation?: string
  /** What the audit line of a request records besides the caller and the route; never a secret. */
  audit?: Readonly<Record<string, string | boolean | undefined>>
  /** Set by `goneSignal`, so that all parts of a request share it. */
  goneSignal?: AbortSignal
  /** Called when the response is closed; see `request-signal.ts`. */
  closeCallbacks?: (() => void)[]
}

export type FacadeContext = ParameterizedContext<FacadeState>

export type FacadeMiddleware = Middleware<FacadeState>

/** Dependencies of the routes. */
export interface FacadeDeps {
  client: KubeClient
  caches: Caches
  namespace: string
  clock: Clock
  log: Log
  /** Creates an id that distinguishes attempts: at most 16 lower-case letters and digits. */
  newId: () => string
  /** Version in the metadata of every response. */
  version: string
  idempotencyWindowMs: number
  /** Period of the heartbeats of proxy runners. */
  heartbeatMs: number
  /** Limit of registered proxy runners. */
  maxProxies: number
  /** The logs of pods that are gone; absent if none are kept. */
  archive?: ArchiveStore | undefined
  /** Redacts one log. */
  redactor: () => Redactor
  /** Limits the logs that a caller follows at a time. */
  logStreams: ConcurrencyLimit
  /** Ends the waits of callers: the process is about to stop. */
  closing: AbortSignal
  metrics: HttpMetrics
  /** Serves the page at `/`; by default it does. */
  hasPage?: boolean
  /** Base path of a request; the root by default. */
  basePathOf?: BasePathOf
}

/** All metrics of the process, in Prometheus' text format, and what the facade adds to them. */
export interface HttpMetrics {
  contentType: string
  text(): Promise<string>
  /** Counts a response by route and status code; without a duration it is not in the histogram. */
  answered(route: string, code: number, seconds?: number): void
}

/** The handlers of these routes. */
export type Handlers<Name extends RouteName = RouteName> = Readonly<Record<Name, RouterMiddleware<FacadeState>>>
