import { Refused } from '../../client/failures.ts'
import { Backoff } from '../../kube/runtime/backoff.ts'
import { systemClock as clock } from '../../kube/runtime/clock.ts'
import { type LogLine, LogReader } from '../model/log-line.ts'
import { hub } from './session.ts'
import { problemOf } from './polled.ts'

/** How the reading of a log goes. */
export type LogState =
  | { is: 'opening' }
  | { is: 'following' }
  | { is: 'ended' }
  /** The log is gone with its pod, or nobody can return it. */
  | { is: 'unavailable' }
  | { is: 'failed'; problem: string }

export interface LogListener {
  /** Lines that come after the known ones. */
  onLines: (lines: readonly LogLine[]) => void
  /** The log begins again: forget the known lines. */
  onRestart: () => void
  onState: (state: LogState) => void
  onTruncated: () => void
}

/** Reads a log to its end, which is the end of the job; reads it again from its beginning if the stream breaks. */
export async function readLog(id: string, listener: LogListener, signal: AbortSignal): Promise<void> {
  const backoff = new Backoff({ clock, random: Math.random, minMs: 1000, maxMs: 60_000 })
  while (!signal.aborted) {
    listener.onState({ is: 'opening' })
    try {
      const isEmpty = await readOnce(id, listener, signal)
      listener.onState({ is: isEmpty && (await isGone(id, signal)) ? 'unavailable' : 'ended' })
      return
    } catch (error) {
      if (signal.aborted) return
      listener.onState({ is: 'failed', problem: problemOf(error) })
      if (error instanceof Refused && error.status < 500 && error.status !== 429) return
      const retryMs = error instanceof Refused ? (error.retryAfterMs ?? 0) : 0
      await clock.sleep(Math.max(retryMs, backoff.next()), signal).catch(() => {})
    }
  }
}

/** Returns whether the log has no line. */
async function readOnce(id: string, listener: LogListener, signal: AbortSignal): Promise<boolean> {
  const response = await hub.open('getJobLogs', { path: { id }, query: { follow: true } }, signal)
  if (response.headers.has('x-runnerhub-log-truncated')) listener.onTruncated()
  listener.onRestart()
  listener.onState({ is: 'following' })
  const reader = new LogReader()
  const decoder = new TextDecoder()
  let isEmpty = true
  const pass = (lines: readonly LogLine[]): void => {
    if (lines.length === 0) return
    isEmpty = false
    listener.onLines(lines)
  }
  const body = response.body?.getReader()
  for (;;) {
    const { done, value } = (await body?.read()) ?? { done: true, value: undefined }
    if (value !== undefined) pass(reader.take(decoder.decode(value, { stream: true })))
    if (done) break
  }
  pass(reader.end())
  return isEmpty
}

async function isGone(id: string, signal: AbortSignal): Promise<boolean> {
  const { body } = await hub.call('getJobLogs', { path: { id }, query: { tail: 1 } }, signal)
  return body.data.state === 'unavailable'
}
