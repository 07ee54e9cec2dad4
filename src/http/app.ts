import { Router } from '@koa/router'
import Koa from 'koa'
import { audit, changes } from './audit.ts'
import { requireAccess, requireToken } from './auth.ts'
import type { Judge } from './authority.ts'
import { cors } from './cors.ts'
import { docsPageHandlers } from './docs-page.ts'
import { documentHandlers } from './document.ts'
import { envelope } from './envelope.ts'
import type { Handlers } from './handlers.ts'
import { fromCaches } from './from-caches.ts'
import { healthHandlers } from './health.ts'
import { HttpError, notFound } from './http-error.ts'
import { jobHandlers } from './jobs.ts'
import { logHandlers } from './logs.ts'
import { metricsHandlers } from './metrics.ts'
import type { FacadeParts } from './parts.ts'
import { type RateLimitOptions, rateLimit } from './rate-limit.ts'
import { type Route, routes } from './routes.ts'
import { runnerHandlers } from './runners.ts'
import { securityHeaders } from './security-headers.ts'
import { stillAllowed } from './still-allowed.ts'
import type { FacadeContext, FacadeMiddleware, FacadeState } from './state.ts'
import { named, told } from './told.ts'

export interface AppOptions extends FacadeParts {
  /** Serve what those who run the process need, and not the API. */
  operationsOnly?: boolean
  authority: Judge
  rateLimit: RateLimitOptions
  /** How often the rights of those are checked again whose answers go on. */
  reauthoriseMs: number
  /** Origins whose scripts browsers may let call us; '*' is all. */
  corsOrigins?: readonly string[] | undefined
}

/** The REST facade: middleware and routes in the order in which they apply. */
export function makeApp(options: AppOptions): Koa<FacadeState> {
  const app = new Koa<FacadeState>()
  const open = new Router<FacadeState>({ sensitive: true })
  const api = new Router<FacadeState>({ sensitive: true })
  const handlers = handlersOf(options)
  for (const route of routes) {
    const handler = handlers[route.name]
    if (handler === undefined) continue
    const router = route.access === 'open' ? open : api
    router.register(route.path, [route.method], [named(route.name), ...guards(route, options), handler])
  }

  app.use(told(options.metrics, options.clock))
  app.use(secured)
  app.use(cors(options.corsOrigins))
  app.use(audit(options.log))
  app.use(envelope(options))
  app.use(requireHost)
  app.use(requireTarget)
  app.use(open.routes())
  app.use(guarding(api, rateLimit({ ...options.rateLimit, clock: options.clock, isFree: isFreeIn(api) })))
  app.use(guarding(api, requireToken(options.authority)))
  app.use(api.routes())
  app.use(unmatched([open, api]))
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
    ...docsPageHandlers(),
    ...jobHandlers(options),
    ...logHandlers(options),
    ...runnerHandlers(options),
  }
  return all
}

const freePaths = new Set<string>(routes.filter((route: Route) => route.isFree === true).map(({ path }) => path))

/** Whether a call has come to such a route, however its path is written. HEAD is as free as GET; other methods count. */
function isFreeIn(api: Router<FacadeState>): (ctx: FacadeContext) => boolean {
  return ({ path, method }) => api.match(path, method).pathAndMethod.some((layer) => freePaths.has(String(layer.path)))
}

/** What stands before a route's own handler. */
function guards({ name, method, access }: Route, options: AppOptions): FacadeMiddleware[] {
  if (access === 'open') return []
  const mayPass = requireAccess(options.authority, access)
  // What a process measures is told in trouble as well: most of all then.
  if (name === 'metrics') return [mayPass]
  const known = fromCaches(options.caches)
  if (method !== 'GET') return [changes(name), mayPass, known]
  return [mayPass, known, stillAllowed(access, { ...options, everyMs: options.reauthoriseMs })]
}

const secured: FacadeMiddleware = async (ctx, next) => {
  ctx.set(securityHeaders)
  await next()
}

/** HTTP/1.1 asks for one, and Node.js's own refusal would not be in our form. */
const requireHost: FacadeMiddleware = async (ctx, next) => {
  if (ctx.req.httpVersion === '1.1' && ctx.req.headers.host === undefined) {
    throw new HttpError(400, 'InvalidRequest', 'a Host header is required', { Connection: 'close' })
  }
  await next()
}

/**
 * Koa's parser of paths throws at some targets, for whoever is first to ask; so none of those comes further than here.
 * Of an absolute URL, which HTTP/1.1 allows, the path counts.
 */
const requireTarget: FacadeMiddleware = async (ctx, next) => {
  const target = URL.parse(ctx.url, 'http://host')
  const isKnownForm = /^(\/|\*$|https?:\/\/)/i.test(ctx.url)
  if (target === null || !isKnownForm || target.username !== '' || target.password !== '') {
    throw new HttpError(400, 'InvalidRequest', 'the request target must be a path or a URL', { Connection: 'close' })
  }
  if (/^http/i.test(ctx.url)) ctx.url = `${target.pathname}${target.search}`
  await next()
}

/** Stands before every route of `api`, however its path is written, and before all else under /api. */
function guarding(api: Router<FacadeState>, middleware: FacadeMiddleware): FacadeMiddleware {
  return async (ctx, next) => {
    const isRoute = api.match(ctx.path, ctx.method).path.length > 0
    if (isRoute || /^\/api(\/|$)/i.test(ctx.path)) await middleware(ctx, next)
    else await next()
  }
}

/** For a path that exists under other methods what they are, which OPTIONS asks for and all else is refused with; else 404. */
function unmatched(routers: readonly Router<FacadeState>[]): FacadeMiddleware {
  return (ctx) => {
    const methods = new Set(routers.flatMap((router) => layersFor(ctx, router).flatMap((layer) => layer.methods)))
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

/** Those of the path; OPTIONS may also ask for those of the whole server, by `*` (RFC 9110, section 9.3.7). */
function layersFor({ method, path }: FacadeContext, router: Router<FacadeState>): readonly { methods: string[] }[] {
  return method === 'OPTIONS' && path === '*' ? router.stack : router.match(path, method).path
}
