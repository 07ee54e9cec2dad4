import { type Clock, systemClock } from '../../kube/runtime/clock.ts'
import type { FacadeContext } from '../context.ts'

type Waiting = Pick<FacadeContext, 'res' | 'state'>

/** Longest time that a request may wait for the cluster. */
const PATIENCE_MS = 20_000

/** Shared instance: creating an Error per request would cost a stack trace. */
export const callerGone = new Error('the caller has disconnected')

/** Aborts when the response has ended or the caller has disconnected, even if that was before the call. */
export function goneSignal({ res, state }: Waiting): AbortSignal {
  state.goneSignal ??= goneSignalOf({ res, state })
  return state.goneSignal
}

function goneSignalOf(ctx: Waiting): AbortSignal {
  const controller = new AbortController()
  whenClosed(ctx, () => controller.abort(callerGone))
  return controller.signal
}

/** Aborts when the caller has disconnected without a response, or has waited long enough. */
export function requestSignal(ctx: Waiting, clock: Pick<Clock, 'setTimer'> = systemClock): AbortSignal {
  const controller = new AbortController()
  const giveUp = (): void => controller.abort(new DOMException('the cluster takes too long', 'TimeoutError'))
  const cancel = clock.setTimer(giveUp, PATIENCE_MS)
  whenClosed(ctx, () => {
    cancel()
    // After the response there are no listeners left: skip the abort event, which would cost as much as with them.
    if (!ctx.res.writableFinished) controller.abort(callerGone)
  })
  return controller.signal
}

/**
 * Calls back when the response is closed. A response gets one listener, however many callbacks it has: Node.js warns
 * of more than ten, and streams add theirs.
 */
function whenClosed({ res, state }: Waiting, callback: () => void): void {
  if (res.destroyed) return callback()
  if (state.closeCallbacks !== undefined) {
    state.closeCallbacks.push(callback)
    return
  }
  const callbacks = [callback]
  state.closeCallbacks = callbacks
  res.once('close', () => {
    for (const each of callbacks) each()
  })
}
