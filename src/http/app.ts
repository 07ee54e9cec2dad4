import { Router } from '@koa/router'
import Koa from 'koa'
import { type Authenticate, requireToken } from './auth.ts'
import { envelope } from './envelope.ts'
import { healthRoutes } from './health.ts'
import { HttpError, notFound } from './http-error.ts'
import { jobRoutes } from './jobs.ts'
import { logRoutes } from './logs.ts'
import type { FacadeParts } from './parts.ts'
import { rateLimit } from './rate-limit.ts'
import type { FacadeMiddleware, FacadeState } from './state.ts'

export interface AppOptions extends FacadeParts {
  authenticate: Authenticate
  rateLimit: { max: number; windowSeconds: number }
}

/** The REST facade: middleware and routes in the order in which they apply. */
export function makeApp(options: AppOptions): Koa<FacadeState> {
  const app = new Koa<FacadeState>()
  const open = new Router<FacadeState>()
  healthRoutes(open, options)
  const api = new Router<FacadeState>()
  jobRoutes(api, options)
  logRoutes(api, options)

  app.use(securityHeaders)
  app.use(envelope(options))
  app.use(open.routes())
  app.use(underApi(rateLimit({ ...options.rateLimit, clock: options.clock })))
  app.use(underApi(requireToken(options.authenticate)))
  app.use(api.routes())
  app.use(unmatched([open, api]))
  // Koa reports what middleware could not: broken sockets of callers that have gone.
  app.on('error', (error: Error) => options.log.debug({ why: error.message }, 'response not delivered'))
  return app
}

const securityHeaders: FacadeMiddleware = async (ctx, next) => {
  ctx.set({ 'X-Content-Type-Options': 'nosniff', 'Cache-Control': 'no-store' })
  await next()
}

function underApi(middleware: FacadeMiddleware): FacadeMiddleware {
  return async (ctx, next) => {
    if (ctx.path === '/api' || ctx.path.startsWith('/api/')) await middleware(ctx, next)
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
