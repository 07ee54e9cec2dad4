import type { FacadeMiddleware } from '../context.ts'

/** On responses from cached data while the API server does not answer: a cached right, or caches that may be behind. */
export const STALE_HEADER = 'X-RunnerHub-Stale'

/** On responses with a log whose beginning may be missing, because the kubelet may have rotated it away. */
export const TRUNCATED_HEADER = 'X-RunnerHub-Log-Truncated'

/** For answers that are data: nothing of them may run, be framed, be guessed at or be kept. */
export const securityHeaders = {
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
} as const

/** What scripts of other origins may send and read, beyond what browsers always allow. */
const methods = 'GET, HEAD, POST, PATCH, OPTIONS'
const requestHeaders = 'Authorization, Content-Type, Idempotency-Key'
const responseHeaders =
  'Location, Retry-After, Idempotency-Replayed, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, ' +
  `${STALE_HEADER}, ${TRUNCATED_HEADER}`

/** Lets browsers' scripts of these origins call us ('*' is all); of others, browsers keep them out. */
export function cors(origins: readonly string[]): FacadeMiddleware {
  return async (ctx, next) => {
    if (origins.length > 0) ctx.vary('Origin')
    const origin = ctx.get('Origin')
    const isAllowed = origin !== '' && (origins.includes(origin) || origins.includes('*'))
    if (isAllowed) {
      ctx.set({ 'Access-Control-Allow-Origin': origin, 'Access-Control-Expose-Headers': responseHeaders })
    }
    // A browser asks before the call, and cannot send its token with the question.
    if (isAllowed && ctx.method === 'OPTIONS' && ctx.get('Access-Control-Request-Method') !== '') {
      ctx.set({ 'Access-Control-Allow-Methods': methods, 'Access-Control-Allow-Headers': requestHeaders })
      ctx.set('Access-Control-Max-Age', '600')
      ctx.status = 204
    } else await next()
  }
}
