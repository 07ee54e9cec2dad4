import { useEffect, useState } from 'preact/hooks'
import type { OperationId } from '../../client/address.ts'
import type { Answer } from '../../client/client.ts'
import { Refused } from '../../client/failures.ts'
import { systemClock as clock } from '../../kube/runtime/clock.ts'
import { pauseMs } from '../model/pace.ts'
import { hub } from './session.ts'

/** What is known of something that the page reads again and again. */
export interface Polled<T> {
  data: T | undefined
  /** Why the last read failed. */
  problem: string | undefined
  readMs: number
}

type Listed = Extract<OperationId, 'listPools' | 'listRunners'>

/** Reads a list now, and again as often as the rate limit leaves room, while the view is there and shown. */
export function usePolled<Id extends Listed>(id: Id): Polled<Answer<Id>['body']> {
  const [polled, setPolled] = useState<Polled<Answer<Id>['body']>>({ data: undefined, problem: undefined, readMs: 0 })
  useEffect(() => {
    const leaving = new AbortController()
    void poll(id, setPolled, leaving.signal)
    return () => leaving.abort()
  }, [id])
  return polled
}

async function poll<Id extends Listed>(
  id: Id,
  show: (next: (last: Polled<Answer<Id>['body']>) => Polled<Answer<Id>['body']>) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    let delayMs = 10_000
    try {
      const { body, headers } = await hub.call(id, {}, signal)
      const readMs = clock.now().getTime()
      show(() => ({ data: body, problem: undefined, readMs }))
      delayMs = pauseMs(headers, readMs)
    } catch (error) {
      if (signal.aborted) return
      show((last) => ({ ...last, problem: problemOf(error) }))
      if (error instanceof Refused) delayMs = error.retryAfterMs ?? 60_000
    }
    await clock.sleep(delayMs, signal).catch(() => {})
    await whenShown(signal)
  }
}

function whenShown(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (document.hidden && !signal.aborted) return
      document.removeEventListener('visibilitychange', look)
      resolve()
    }
    document.addEventListener('visibilitychange', look)
    signal.addEventListener('abort', look, { once: true })
    look()
  })
}

/** An error in words, with what helps. */
export function problemOf(error: unknown): string {
  if (!(error instanceof Refused)) return 'RunnerHub does not answer. The page tries again.'
  if (error.status === 429)
    return 'Too many calls came from your address. The page tries again when the limit allows it.'
  return error.status === 403 ? `${error.message}. Ask an administrator for it.` : error.message
}
