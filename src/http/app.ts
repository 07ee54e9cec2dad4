import { Router } from '@koa/router'
import Koa from 'koa'
import type { Authorizer } from '../auth/authority.ts'
import type { Log } from '../kube/runtime/logger.ts'
import type { FacadeContext, FacadeMiddleware, FacadeDeps, FacadeState, Handlers } from './context.ts'
import { envelope } from './envelope.ts'
import { guards } from './guards.ts'
import { healthHandlers } from './health.ts'
import { HttpError, notFound } from './http-error.ts'
import { jobHandlers } from './jobs/handlers.ts'
import { logHandlers } from './logs/handlers.ts'
import { metricsHandlers } from './metrics-endpoint.ts'
import { audit } from './middleware/audit.ts'
import { cors, securityHeaders } from './middleware/headers.ts'
import { type RateLimitOptions, rateLimits } from './middleware/rate-limit.ts'
import { countRequests } from './middleware/request-metrics.ts'
import { requireToken } from './middleware/require-auth.ts'
import { documentHandlers } from './openapi/document.ts'
import { docsPageHandlers } from './openapi/page.ts'
import { routes } from './routes.ts'
import { runnerHandlers } from './runners/handlers.ts'

export interface AppOptions extends FacadeDeps {
  /** Where calls that change something leave their lines. */
  auditLog: Log
  /** Serve what those who run the process need, and not the API. */
  operationsOnly?: boolean
  authority: Authorizer
  rateLimit: RateLimitOptions
  /** How often the rights of those are checked again whose answers go on. */
  reauthoriseMs: number
  /** Origins whose scripts browsers may let call us; '*' is all. */
  corsOrigins?: readonly string[] | undefined
}

/** The REST facade: middleware and routes in the order in which they apply. */
export function makeApp(options: AppOptions): Koa<FacadeState> {
  const app = new Koa<FacadeState>()
  const router = new Router<FacadeState>({ sensitive: true })
  const handlers = handlersOf(options)
  const limited = rateLimits({ ...options.rateLimit, clock: options.clock })
  const known = requireToken(options.authority)
  for (const route of routes) {
    const handler = handlers[route.name]
    if (handler === undefined) continue
    const first = guards(route, { ...options, limited, known })
    router.register(route.path, [route.method], [...first, handler])
  }

  app.use(countRequests(options.metrics, options.clock))
  app.use(secured)
  if (options.corsOrigins !== undefined) app.use(cors(options.corsOrigins))
  app.use(audit(options.auditLog))
  app.use(envelope(options))
  app.use(wellFormed)
  app.use(routed(router))
  app.use(guarding(limited({})))
  app.use(guarding(known))
  app.use(unmatched(router))
  // Koa reports what middleware could not: broken sockets of callers that have gone.
  app.on('error', (error: Error) => options.log.debug({ why: error.message }, 'response not delivered'))
  return app
}

function handlersOf(options: AppOptions): Partial<Handlers> {
  const operations = { ...healthHandlers(options), ...metricsHandlers(options) }
  if (options.operationsOnly === true) return operations
  const all: Handlers = {
    ...operations,
    ...documentHandlers(options),
    ...docsPageHandlers(options),
    ...jobHandlers(options),
    ...logHandlers(options),
    ...runnerHandlers(options),
  }
  return all
}

const secureHeaders = new Map<string, string>(Object.entries(securityHeaders))

const secured: FacadeMiddleware = (ctx, next) => {
  ctx.res.setHeaders(secureHeaders)
  return next()
}

const wellFormed: FacadeMiddleware = (ctx, next) => {
  requireHost(ctx)
  requireTarget(ctx)
  return next()
}

/** HTTP/1.1 asks for one, and Node.js's own refusal would not be in our form. */
function requireHost(ctx: FacadeContext): void {
  if (ctx.req.httpVersion === '1.1' && ctx.req.headers.host === undefined) {
    throw new HttpError(400, 'InvalidRequest', 'a Host header is required', { Connection: 'close' })
  }
}

/**
 * Koa's parser of paths throws at some targets, for whoever is first to ask; so none of those comes further than here.
 * Of an absolute URL, which HTTP/1.1 allows, the path counts.
 */
function requireTarget(ctx: FacadeContext): void {
  const target = URL.parse(ctx.url, 'http://host')
  const isKnownForm = /^(\/|\*$|https?:\/\/)/i.test(ctx.url)
  if (target === null || !isKnownForm || target.username !== '' || target.password !== '') {
    throw new HttpError(400, 'InvalidRequest', 'the request target must be a path or a URL', { Connection: 'close' })
  }
  if (/^http/i.test(ctx.url)) ctx.url = `${target.pathname}${target.search}`
}

/** Stands before what no route answers under /api, where all need a token. */
function guarding(middleware: FacadeMiddleware): FacadeMiddleware {
  return async (ctx, next) => {
    if (/^\/api(\/|$)/i.test(ctx.path)) await middleware(ctx, next)
    else await next()
  }
}

/** For a path that exists under other methods what they are, which OPTIONS asks for and all else is refused with; else 404. */
function unmatched(router: Router<FacadeState>): FacadeMiddleware {
  return (ctx) => {
    const methods = new Set(layersFor(ctx, router).flatMap((layer) => layer.methods))
    if (methods.size === 0) throw notFound('path')
    const allow = [...methods.add('OPTIONS')].sort().join(', ')
    if (ctx.method === 'OPTIONS') {
      ctx.status = 204
      ctx.set('Allow', allow)
      return
    }
    throw new HttpError(405, 'MethodNotAllowed', `${ctx.method} is not allowed here, only ${allow}`, { Allow: allow })
  }
}

/**
 * The routes. A path that one of them spells out is no parameter of another: under a method that it does not have, it is
 * left to those who answer for that.
 */
function routed(router: Router<FacadeState>): ReturnType<typeof router.routes> {
  const serve = router.routes()
  const spelt = router.stack.filter(
    ({ path }) => isSpelt(path) && hasParameters(router.match(String(path), 'GET').path),
  )
  return async (ctx, next) => {
    const isOther = spelt.some((layer) => layer.match(ctx.path) && !layer.methods.includes(ctx.method))
    if (isOther) await next()
    else await serve(ctx, next)
  }
}

function isSpelt(path: string | RegExp): boolean {
  return typeof path === 'string' && !path.includes(':')
}

function hasParameters(layers: readonly { path: string | RegExp }[]): boolean {
  return layers.some(({ path }) => !isSpelt(path))
}

/** Those of the path; OPTIONS may also ask for those of the whole server, by `*` (RFC 9110, section 9.3.7). */
function layersFor({ method, path }: FacadeContext, router: Router<FacadeState>): readonly { methods: string[] }[] {
  if (method === 'OPTIONS' && path === '*') return router.stack
  const layers = router.match(path, method).path
  const spelt = layers.filter((layer) => isSpelt(layer.path))
  return spelt.length > 0 ? spelt : layers
}
