import type { FacadeMiddleware } from '../context.ts'

/** Marks responses from cached data while the API server is unreachable: a cached review, or caches that may be behind. */
export const STALE_HEADER = 'X-RunnerHub-Stale'

/** On responses with a log whose beginning may be missing, because the kubelet may have rotated it away. */
export const TRUNCATED_HEADER = 'X-RunnerHub-Log-Truncated'

/** For responses that are data: no browser may run, frame, sniff or cache them. */
export const securityHeaders = {
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
} as const

const secureHeaders = new Map<string, string>(Object.entries(securityHeaders))

/** Sets the security headers on every response. */
export const secured: FacadeMiddleware = (ctx, next) => {
  ctx.res.setHeaders(secureHeaders)
  return next()
}

/** What scripts of other origins may send and read, besides what browsers always allow. */
const methods = 'GET, HEAD, POST, PATCH, OPTIONS'
const requestHeaders = 'Authorization, Content-Type, Idempotency-Key, If-Range, Range'
const responseHeaders =
  'Accept-Ranges, Content-Disposition, Content-Range, ETag, Location, Retry-After, Idempotency-Replayed, ' +
  'X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, ' +
  `${STALE_HEADER}, ${TRUNCATED_HEADER}`

/** Lets scripts of these origins call the API from a browser ('*' allows all); browsers block those of other origins. */
export function cors(origins: readonly string[]): FacadeMiddleware {
  return async (ctx, next) => {
    if (origins.length > 0) ctx.vary('Origin')
    const origin = ctx.get('Origin')
    const isAllowed = origin !== '' && (origins.includes(origin) || origins.includes('*'))
    if (isAllowed) {
      ctx.set({ 'Access-Control-Allow-Origin': origin, 'Access-Control-Expose-Headers': responseHeaders })
    }
    // A preflight request: browsers send it without a token.
    if (isAllowed && ctx.method === 'OPTIONS' && ctx.get('Access-Control-Request-Method') !== '') {
      ctx.set({ 'Access-Control-Allow-Methods': methods, 'Access-Control-Allow-Headers': requestHeaders })
      ctx.set('Access-Control-Max-Age', '600')
      ctx.status = 204
    } else await next()
  }
}
