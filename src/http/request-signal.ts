import type { Context } from 'koa'

/** Longest time that a request may wait for the cluster. */
const PATIENCE_MS = 20_000

/** Ends when the caller has gone. */
export function goneSignal(ctx: Context): AbortSignal {
  const gone = new AbortController()
  ctx.res.once('close', () => gone.abort(new Error('the caller has gone')))
  return gone.signal
}

/** Ends when the caller has gone, or has waited long enough. */
export function requestSignal(ctx: Context): AbortSignal {
  return AbortSignal.any([goneSignal(ctx), AbortSignal.timeout(PATIENCE_MS)])
}
