import { useEffect, useState } from 'preact/hooks'
import type { Job } from '../../client/contract.ts'
import { Refused } from '../../client/failures.ts'
import { systemClock as clock } from '../../kube/runtime/clock.ts'
import { watchJob } from './live-jobs.ts'
import { problemOf } from './polled.ts'
import { hub } from './session.ts'

/** A job in full, or why it cannot be shown. */
export interface JobDetail {
  job: Job | undefined
  problem: string | undefined
  isMissing: boolean
}

/** Events of one moment need one read. */
const GATHER_MS = 150

const AGAIN_MS = 10_000

/** Reads a job now, and again after each of its changes. */
export function useJob(id: string): JobDetail {
  const [detail, setDetail] = useState<JobDetail>({ job: undefined, problem: undefined, isMissing: false })
  useEffect(() => {
    const leaving = new AbortController()
    setDetail({ job: undefined, problem: undefined, isMissing: false })
    void follow(id, setDetail, leaving.signal)
    return () => leaving.abort()
  }, [id])
  return detail
}

async function follow(
  id: string,
  show: (next: (last: JobDetail) => JobDetail) => void,
  signal: AbortSignal,
): Promise<void> {
  let ring = (): void => {}
  watchJob(id, () => ring(), signal)
  while (!signal.aborted) {
    const rung = new AbortController()
    ring = () => rung.abort()
    let delayMs = Number.POSITIVE_INFINITY
    try {
      const { body } = await hub.call('getJob', { path: { id } }, signal)
      show(() => ({ job: body.data, problem: undefined, isMissing: false }))
    } catch (error) {
      if (signal.aborted) return
      const isMissing = error instanceof Refused && error.status === 404
      show(({ job }) => ({ job, problem: problemOf(error), isMissing }))
      if (!isMissing) delayMs = error instanceof Refused ? (error.retryAfterMs ?? AGAIN_MS) : AGAIN_MS
    }
    await rungOr(rung.signal, delayMs, signal)
    await clock.sleep(GATHER_MS, signal).catch(() => {})
  }
}

/** Waits for the ring, or for the time if there is one. */
async function rungOr(rung: AbortSignal, delayMs: number, signal: AbortSignal): Promise<void> {
  const either = AbortSignal.any([rung, signal])
  if (delayMs !== Number.POSITIVE_INFINITY) return clock.sleep(delayMs, either).catch(() => {})
  return new Promise((resolve) => {
    if (either.aborted) resolve()
    else either.addEventListener('abort', () => resolve(), { once: true })
  })
}
