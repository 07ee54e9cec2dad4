import { Router } from '@koa/router'
import Koa from 'koa'
import type { Authorizer } from '../auth/authority.ts'
import type { Log } from '../kube/runtime/logger.ts'
import type { FacadeDeps, FacadeMiddleware, FacadeState, Handlers } from './context.ts'
import { callerHandlers } from './caller.ts'
import { envelope } from './envelope.ts'
import { guards } from './guards.ts'
import { healthHandlers } from './health.ts'
import { JobAccess } from './jobs/access.ts'
import { jobHandlers } from './jobs/handlers.ts'
import { logHandlers } from './logs/handlers.ts'
import { metricsHandlers } from './metrics-endpoint.ts'
import { audit } from './middleware/audit.ts'
import { cors, secured } from './middleware/headers.ts'
import { type RateLimitOptions, rateLimits } from './middleware/rate-limit.ts'
import { countRequests } from './middleware/request-metrics.ts'
import { requireToken } from './middleware/require-auth.ts'
import { type SheddingOptions, shedding } from './middleware/shedding.ts'
import { routed } from './middleware/routed.ts'
import { unmatched } from './middleware/unmatched.ts'
import { wellFormed } from './middleware/well-formed.ts'
import { documentHandlers } from './openapi/document.ts'
import { docsPageHandlers } from './openapi/page.ts'
import { pageHandlers } from './page/handlers.ts'
import { poolHandlers } from './pools/handlers.ts'
import { routes } from './routes.ts'
import { runnerHandlers } from './runners/handlers.ts'

export interface AppOptions extends FacadeDeps {
  /** Gets one line for each request that changes something. */
  auditLog: Log
  /** Serves health and metrics only, not the API. */
  operationsOnly?: boolean
  authority: Authorizer
  rateLimit: RateLimitOptions
  shed: SheddingOptions
  /** How often the permission of a streamed response is checked again. */
  reauthoriseMs: number
  /** Origins whose scripts may call the API from a browser; '*' allows all. */
  corsOrigins?: readonly string[] | undefined
}

/** The REST facade: middleware and routes in the order in which they apply. */
export function makeApp(options: AppOptions): Koa<FacadeState> {
  const app = new Koa<FacadeState>()
  const router = new Router<FacadeState>({ sensitive: true })
  const handlers = handlersOf(options)
  const limited = rateLimits({ ...options.rateLimit, clock: options.clock })
  const shed = shedding(options.shed)
  const known = requireToken(options.authority)
  for (const route of routes) {
    const handler = handlers[route.name]
    if (handler === undefined) continue
    const first = guards(route, { ...options, limited, shed, known })
    router.register(route.path, [route.method], [...first, handler])
  }

  app.use(countRequests(options.metrics, options.clock))
  app.use(secured)
  if (options.corsOrigins !== undefined) app.use(cors(options.corsOrigins))
  app.use(audit(options.auditLog))
  app.use(envelope(options))
  app.use(wellFormed)
  app.use(routed(router))
  // No route has taken the request: under /api it needs a token, and counts, all the same.
  app.use(underApi(limited({})))
  app.use(underApi(known))
  app.use(unmatched(router))
  // Koa emits the errors that no middleware could handle: broken sockets of disconnected callers.
  app.on('error', (error: Error) => options.log.debug({ why: error.message }, 'response not delivered'))
  return app
}

function handlersOf(options: AppOptions): Partial<Handlers> {
  const operations = { ...healthHandlers(options), ...metricsHandlers(options) }
  if (options.operationsOnly === true) return operations
  const access = new JobAccess(options, options.authority)
  const all: Handlers = {
    ...operations,
    ...documentHandlers(options),
    ...docsPageHandlers(options),
    ...jobHandlers(options, access),
    ...logHandlers(options, access),
    ...runnerHandlers(options),
    ...poolHandlers(options),
    ...callerHandlers(options.authority),
    ...pageHandlers(options),
  }
  return all
}

/** Applies a middleware to paths under /api only. */
function underApi(middleware: FacadeMiddleware): FacadeMiddleware {
  return async (ctx, next) => {
    if (/^\/api(\/|$)/i.test(ctx.path)) await middleware(ctx, next)
    else await next()
  }
}
