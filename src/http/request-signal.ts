import type { ServerResponse } from 'node:http'
import type { Context } from 'koa'

/** Longest time that a request may wait for the cluster. */
const PATIENCE_MS = 20_000

const known = new WeakMap<ServerResponse, AbortSignal>()

/** Ends when the caller has gone, be it before this was asked for. */
export function goneSignal({ res }: Pick<Context, 'res'>): AbortSignal {
  const signal = known.get(res) ?? goneSignalOf(res)
  known.set(res, signal)
  return signal
}

function goneSignalOf(res: ServerResponse): AbortSignal {
  const gone = new AbortController()
  const end = (): void => gone.abort(new Error('the caller has gone'))
  if (res.destroyed) end()
  else res.once('close', end)
  return gone.signal
}

/** Ends when the caller has gone, or has waited long enough. */
export function requestSignal(ctx: Pick<Context, 'res'>): AbortSignal {
  return AbortSignal.any([goneSignal(ctx), AbortSignal.timeout(PATIENCE_MS)])
}
