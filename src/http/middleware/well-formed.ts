import type { FacadeContext, FacadeMiddleware } from '../context.ts'
import { HttpError } from '../http-error.ts'

/** Rejects requests without a Host header or with a target that cannot be routed. */
export const wellFormed: FacadeMiddleware = (ctx, next) => {
  requireHost(ctx)
  requireTarget(ctx)
  return next()
}

/** HTTP/1.1 requires the header. Node.js would reject the request too, but without the envelope. */
function requireHost(ctx: FacadeContext): void {
  if (ctx.req.httpVersion === '1.1' && ctx.req.headers.host === undefined) {
    throw new HttpError(400, 'InvalidRequest', 'a Host header is required', { Connection: 'close' })
  }
}

/**
 * Koa's path parser throws on some targets, wherever the path is first read; so they are rejected before that. Of an
 * absolute URL, which HTTP/1.1 allows, only the path and the query count.
 */
function requireTarget(ctx: FacadeContext): void {
  const target = URL.parse(ctx.url, 'http://host')
  const isKnownForm = /^(\/|\*$|https?:\/\/)/i.test(ctx.url)
  if (target === null || !isKnownForm || target.username !== '' || target.password !== '') {
    throw new HttpError(400, 'InvalidRequest', 'the request target must be a path or a URL', { Connection: 'close' })
  }
  if (/^http/i.test(ctx.url)) ctx.url = `${target.pathname}${target.search}`
}
