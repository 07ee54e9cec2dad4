import type { Clock } from './clock.ts'
import { Unreachable } from './errors.ts'
import { link } from './signals.ts'

/** Asks with a signal that is aborted as well after so long, as a server that did not answer. */
export async function within<T>(
  limit: { clock: Clock; ms: number },
  signal: AbortSignal,
  ask: (limited: AbortSignal) => Promise<T>,
): Promise<T> {
  const limited = link(signal)
  const giveUp = (): void => limited.abort(new Unreachable(`no answer within ${limit.ms} ms`))
  const cancel = limit.clock.setTimer(giveUp, limit.ms)
  try {
    return await ask(limited.signal)
  } finally {
    cancel()
    limited.release()
  }
}
