import type { IncomingHttpHeaders } from 'node:http'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { addresses } from '../../client/contract.ts'
import { Backoff } from '../../kube/runtime/backoff.ts'
import type { Clock } from '../../kube/runtime/clock.ts'
import { dataOf, type Hub, Refused, Unreachable } from './hub.ts'
import type { JobFacts } from '../job/job-message.ts'
import { textOf } from '../json.ts'

/** Media type of a delegation that brings its message: the facts in one line, and then the packed frame. */
const MESSAGE_TYPE = 'application/vnd.runnerhub.message'

/** How long a hub is waited for that says when to come again. */
const MOST_PATIENCE_MS = 15 * 60_000

export interface Delegation {
  facts: JobFacts
  frame: Uint8Array
  labels: readonly string[]
  runnerName?: string
  runnerVersion?: string
}

/** A delegation that the hub has taken. */
export interface Delegated {
  id: string
  headers: IncomingHttpHeaders
}

export interface Tries {
  hub: Hub
  clock: Clock
  random: () => number
  /** How long to try. */
  retryMs: number
  /** Once aborted, a delegation that the hub cannot have is not sent any more. */
  cancelled: AbortSignal
}

/**
 * Hands the job to the hub, and again where the answer was lost: the same facts are the same job. Unreachable when the
 * time is over, Refused when the hub does not take it; undefined where it was cancelled before the hub can have it.
 */
export async function delegate(
  delegation: Delegation,
  tries: Tries,
  signal: AbortSignal,
): Promise<Delegated | undefined> {
  const { hub, clock, random, retryMs, cancelled } = tries
  const body = { type: MESSAGE_TYPE, bytes: await bodyOf(delegation) }
  const backoff = new Backoff({ clock, random, minMs: 250, maxMs: 8000 })
  const begunAt = clock.monotonicMs()
  for (let mayBeThere = false; ; ) {
    if (cancelled.aborted && !mayBeThere) return undefined
    try {
      return await send(hub, body, signal)
    } catch (error) {
      if (signal.aborted || !isTemporary(error)) throw error
      mayBeThere ||= mayHaveArrived(error)
      const waitMs = Math.max(backoff.next(), retryAfterMs(error) ?? 0)
      const isLate = clock.monotonicMs() - begunAt + waitMs > (isPatience(error) ? MOST_PATIENCE_MS : retryMs)
      if (isLate) throw error instanceof Unreachable ? new Unreachable(error.message, mayBeThere) : error
      await sleepUnless(clock, waitMs, AbortSignal.any([signal, ...(mayBeThere ? [] : [cancelled])]))
    }
  }
}

async function send(hub: Hub, body: { type: string; bytes: Uint8Array }, signal: AbortSignal): Promise<Delegated> {
  const answer = await hub.call(addresses.delegateJob.path, { method: 'POST', body, withinMs: 60_000 }, signal)
  const id = textOf(dataOf(answer)['delegationId'])
  if (id === undefined) throw new Unreachable('it does not answer as a hub does', true)
  return { id, headers: answer.headers }
}

function mayHaveArrived(error: unknown): boolean {
  return error instanceof Unreachable ? error.mayHaveArrived : !isPatience(error)
}

/** Whether the same call may work in a while. */
export function isTemporary(error: unknown): boolean {
  if (error instanceof Unreachable) return true
  return error instanceof Refused && (error.status >= 500 || error.status === 429 || error.status === 408)
}

/** When the hub says to come again. */
export function retryAfterMs(error: unknown): number | undefined {
  return error instanceof Refused ? error.retryAfterMs : undefined
}

function isPatience(error: unknown): boolean {
  return error instanceof Refused && error.status === 429 && error.retryAfterMs !== undefined
}

/** Waits, or less long. */
async function sleepUnless(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  await clock.sleep(delayMs, signal).catch(() => {})
}

async function bodyOf({ facts, frame, labels, runnerName, runnerVersion }: Delegation): Promise<Uint8Array> {
  const { serverUrl, ...known } = facts
  const message = {
    ...(runnerVersion !== undefined && { runnerVersion }),
    ...(serverUrl !== undefined && { serverUrl }),
  }
  const line = { ...known, labels, ...(runnerName !== undefined && { runnerName }), message }
  return Buffer.concat([Buffer.from(`${JSON.stringify(line)}\n`), await promisify(gzip)(frame)])
}
