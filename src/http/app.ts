import { Router } from '@koa/router'
import Koa from 'koa'
import { type Authenticate, requireToken } from './auth.ts'
import { documentRoutes } from './document.ts'
import { envelope } from './envelope.ts'
import { healthRoutes } from './health.ts'
import { HttpError, notFound } from './http-error.ts'
import { jobRoutes } from './jobs.ts'
import { logRoutes } from './logs.ts'
import type { FacadeParts } from './parts.ts'
import { rateLimit } from './rate-limit.ts'
import { runnerRoutes } from './runners.ts'
import type { FacadeMiddleware, FacadeState } from './state.ts'

export interface AppOptions extends FacadeParts {
  authenticate: Authenticate
  rateLimit: { max: number; windowSeconds: number }
}

/** The REST facade: middleware and routes in the order in which they apply. */
export function makeApp(options: AppOptions): Koa<FacadeState> {
  const app = new Koa<FacadeState>()
  const { open, api } = makeRouters(options)

  app.use(securityHeaders)
  app.use(envelope(options))
  app.use(open.routes())
  app.use(guarding(api, rateLimit({ ...options.rateLimit, clock: options.clock })))
  app.use(guarding(api, requireToken(options.authenticate)))
  app.use(api.routes())
  app.use(unmatched([open, api]))
  // Koa reports what middleware could not: broken sockets of callers that have gone.
  app.on('error', (error: Error) => options.log.debug({ why: error.message }, 'response not delivered'))
  return app
}

/** Every route: those that are open to everybody, and those under /api. */
export function makeRouters(parts: FacadeParts): { open: Router<FacadeState>; api: Router<FacadeState> } {
  const open = new Router<FacadeState>({ sensitive: true })
  healthRoutes(open, parts)
  documentRoutes(open, parts)
  const api = new Router<FacadeState>({ sensitive: true })
  jobRoutes(api, parts)
  logRoutes(api, parts)
  runnerRoutes(api, parts)
  return { open, api }
}

const securityHeaders: FacadeMiddleware = async (ctx, next) => {
  ctx.set({ 'X-Content-Type-Options': 'nosniff', 'Cache-Control': 'no-store' })
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

/** 405 with Allow for a path that exists under other methods, else 404. */
function unmatched(routers: readonly Router<FacadeState>[]): FacadeMiddleware {
  return (ctx) => {
    const methods = new Set(
      routers.flatMap((router) => router.match(ctx.path, ctx.method).path.flatMap((layer) => layer.methods)),
    )
    if (methods.size === 0) throw notFound(`path ${ctx.path}`)
    const allow = [...methods].sort().join(', ')
    throw new HttpError(405, 'MethodNotAllowed', `${ctx.method} is not allowed here, only ${allow}`, { Allow: allow })
  }
}
