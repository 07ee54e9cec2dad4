import type { ServerResponse } from 'node:http'
import type { Context } from 'koa'
import { type Clock, systemClock } from '../../kube/runtime/clock.ts'

/** Longest time that a request may wait for the cluster. */
const PATIENCE_MS = 20_000

/** Made once, since what waits for a caller ends in it when his answer is out: a stack costs more than all else about it. */
export const callerGone = new Error('the caller has gone')

const known = new WeakMap<ServerResponse, AbortSignal>()

/** Ends when the caller has gone, be it before this was asked for. */
export function goneSignal({ res }: Pick<Context, 'res'>): AbortSignal {
  const signal = known.get(res) ?? goneSignalOf(res)
  known.set(res, signal)
  return signal
}

function goneSignalOf(res: ServerResponse): AbortSignal {
  const controller = new AbortController()
  whenGone(res, () => controller.abort(callerGone))
  return controller.signal
}

/** Ends when the caller has gone without an answer, or has waited long enough. */
export function requestSignal(
  { res }: Pick<Context, 'res'>,
  clock: Pick<Clock, 'setTimer'> = systemClock,
): AbortSignal {
  const controller = new AbortController()
  const giveUp = (): void => controller.abort(new DOMException('the cluster takes too long', 'TimeoutError'))
  const cancel = clock.setTimer(giveUp, PATIENCE_MS)
  whenGone(res, () => {
    cancel()
    // With his answer nobody waits any more, and telling nobody takes as long as telling somebody.
    if (!res.writableFinished) controller.abort(callerGone)
  })
  return controller.signal
}

/** What waits for the end of each response. */
const waiting = new WeakMap<ServerResponse, (() => void)[]>()

/** Adds one listener to a response, however much waits for its end: Node.js warns of more than ten, and streams add theirs. */
function whenGone(res: ServerResponse, end: () => void): void {
  if (res.destroyed) return end()
  const others = waiting.get(res)
  if (others !== undefined) {
    others.push(end)
    return
  }
  const ends = [end]
  waiting.set(res, ends)
  res.once('close', () => {
    for (const each of ends) each()
  })
}
