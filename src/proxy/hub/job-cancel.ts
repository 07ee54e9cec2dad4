import { pathTo } from '../../client/address.ts'
import { Backoff } from '../../kube/runtime/backoff.ts'
import type { Clock } from '../../kube/runtime/clock.ts'
import { isTemporary, retryAfterMs } from './delegation.ts'
import { type Hub, wordsOf } from './hub.ts'

export interface CancelOptions {
  hub: Hub
  id: string
  clock: Clock
  random: () => number
  /** Aborted once the job is to be cancelled. */
  asked: AbortSignal
  /** Aborted once the Listener is gone. */
  gone: AbortSignal
  /** How long the job goes on after that. */
  orphanMs: number
  /** Takes a line for stdout. */
  say: (text: string) => void
}

/** Cancels the job at the hub once that is asked for, and a while after its Listener is gone. Ends when aborted. */
export async function cancelWhenAsked(options: CancelOptions, signal: AbortSignal): Promise<void> {
  const { clock, asked, gone, orphanMs } = options
  const orphaned = new AbortController()
  const waiting = aborted(gone, signal)
    .then(() => clock.sleep(orphanMs, signal))
    .then(() => orphaned.abort())
    .catch(() => {})
  try {
    await aborted(AbortSignal.any([asked, orphaned.signal]), signal)
    await cancel(options, signal)
  } catch (error) {
    if (!signal.aborted) throw error
  }
  await waiting
}

async function cancel({ hub, id, clock, random, say }: CancelOptions, signal: AbortSignal): Promise<void> {
  const backoff = new Backoff({ clock, random, minMs: 250, maxMs: 5000 })
  for (;;) {
    try {
      await hub.call(pathTo('cancelJob', { path: { id } }), { method: 'POST', withinMs: 5000 }, signal)
      return say('the job is to be cancelled')
    } catch (error) {
      if (signal.aborted) return
      if (!isTemporary(error)) return say(`the hub does not cancel the job: ${wordsOf(error)}`)
      await clock.sleep(Math.max(backoff.next(), retryAfterMs(error) ?? 0), signal)
    }
  }
}

/** Resolves once the first signal is aborted, rejects once the other is. */
function aborted(wanted: AbortSignal, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (wanted.aborted) return resolve()
    const leave = (): void => reject(signal.reason)
    if (signal.aborted) return leave()
    wanted.addEventListener('abort', () => resolve(), { once: true })
    signal.addEventListener('abort', leave, { once: true })
  })
}
