import type { IncomingHttpHeaders } from 'node:http'
import { finished } from 'node:stream/promises'
import { pathTo } from '../../client/address.ts'
import { Backoff } from '../../kube/runtime/backoff.ts'
import type { Clock } from '../../kube/runtime/clock.ts'
import type { Bell } from '../bell.ts'
import { isTemporary, retryAfterMs } from './delegation.ts'
import { type Hub, Refused } from './hub.ts'
import { LogLines } from './log-lines.ts'
import { pauseMs } from './pace.ts'

export interface LogCopyOptions {
  hub: Hub
  id: string
  clock: Clock
  random: () => number
  /** Rung at the end of the log, which is the end of the job. */
  bell: Bell
  write: (lines: string) => void
  /** Aborted once the job is over: what is open is read to its end. */
  over: AbortSignal
}

/**
 * Copies the job's log while it is written. Where the stream ends before the job, it is opened again, as often as the
 * rate limit allows. Resolves when the log is copied to its end, with the signal, and where the hub refuses.
 */
export async function copyLog(options: LogCopyOptions, signal: AbortSignal): Promise<void> {
  const { clock, random, bell, over } = options
  const lines = new LogLines()
  const backoff = new Backoff({ clock, random, minMs: 1000, maxMs: 15 * 60_000 })
  while (!signal.aborted) {
    const isLast = over.aborted
    const { how, waitMs } = await copyOnce(options, lines, signal)
    if (how === 'ended') bell.ring()
    if (how === 'refused' || isLast || (how === 'ended' && over.aborted)) return
    const delayMs = how === 'busy' ? waitMs : backoff.next(waitMs)
    await clock.sleep(delayMs, AbortSignal.any([signal, over])).catch(() => {})
    if (how === 'ended' && over.aborted) return
  }
}

/** How one stream of the log ended, and how long to wait before the next. */
interface Copied {
  how: 'ended' | 'broken' | 'busy' | 'refused'
  waitMs: number
}

async function copyOnce(
  { hub, id, clock, write }: LogCopyOptions,
  lines: LogLines,
  signal: AbortSignal,
): Promise<Copied> {
  let waitMs = Infinity
  try {
    const stream = await hub.open(pathTo('getJobLogs', { path: { id }, query: { follow: true } }), signal)
    waitMs = mostPauseMs(stream.headers, clock)
    lines.reopened()
    stream.on('data', (piece: Buffer) => write(lines.take(piece)))
    await finished(stream)
    write(lines.end())
    return { how: 'ended', waitMs }
  } catch (error) {
    const retryMs = retryAfterMs(error)
    if (retryMs !== undefined) return { how: 'busy', waitMs: retryMs }
    return { how: error instanceof Refused && !isTemporary(error) ? 'refused' : 'broken', waitMs }
  }
}

/** Where calls are plenty a broken stream need not wait long. */
function mostPauseMs(headers: IncomingHttpHeaders, clock: Clock): number {
  return Math.max(2000, pauseMs(headers, clock.now().getTime()))
}
