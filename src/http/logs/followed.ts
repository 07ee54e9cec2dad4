import { once } from 'node:events'
import type { PassThrough } from 'node:stream'
import { keyOf } from '../../api/object.ts'
import type { Pod } from '../../api/pod.ts'
import type { RunnerJob } from '../../api/runner-job.ts'
import { isFinished } from '../../domain/job/phases.ts'
import { podState } from '../../domain/pod/state.ts'
import { ApiError, NotFound, TooManyRequests } from '../../kube/client/errors.ts'
import { Backoff } from '../../kube/runtime/backoff.ts'
import type { FacadeDeps } from '../context.ts'
import { isPastAttempt } from '../../domain/log/attempt.ts'
import { awaitArchived } from './archived.ts'
import { isLogLine, markOf, momentAt } from '../../domain/log/handed-on.ts'
import { LONGEST_STAMP } from '../../domain/log/beginning.ts'
import { takeBeginning } from './take-beginning.ts'
import { nextJobChange } from './job-changes.ts'
import { freshPod, hasLog, isUnknownContainer, type LogPart, logPod, openLog } from '../../cluster/pod-log.ts'
import { redacted } from '../../domain/log/redaction.ts'
import { LogPosition } from '../../domain/log/position.ts'
import type { LogsQuery } from './query.ts'

/** Receives the log until the signal. */
interface Sink {
  into: PassThrough
  signal: AbortSignal
}

/**
 * Waits for the pod to start, then forwards its log until its container has ended and every line is written. What the
 * node does not return comes from the archive.
 */
export async function followLog(deps: FacadeDeps, job: RunnerJob, query: LogsQuery, sink: Sink): Promise<void> {
  const pod = await startedPod(deps, job, sink.signal)
  const position = new LogPosition({ isTail: query.tail !== undefined })
  const isWhole = pod !== undefined && (await forward(deps, { job, pod }, query, { position, ...sink }))
  await send(position.rest(), sink)
  if (!isWhole) await forwardArchived(deps, job, query, { position, ...sink })
  sink.into.end()
}

/** Where lines go, and which of them have gone there. */
interface Forwarding extends Sink {
  position: LogPosition
}

/** Forwards the lines of the archive that were not forwarded before. */
async function forwardArchived(
  deps: FacadeDeps,
  job: RunnerJob,
  { tail }: LogsQuery,
  { position, into, signal }: Forwarding,
): Promise<void> {
  const log = await awaitArchived(deps, latestOf(deps, job), signal)
  if (log === undefined) return
  const { since } = position
  const start = tail === undefined ? 0 : log.tailStart(tail)
  const from = since === undefined ? start : log.secondStart(Date.parse(since) / 1000)
  position.reopened()
  for await (const { text } of log.read(from, Infinity, signal)) await send(position.take(text), { into, signal })
  await send(position.rest(), { into, signal })
}

/** The job as it is now; as it was if it is gone, or tried again since. */
function latestOf({ caches: { jobs } }: FacadeDeps, job: RunnerJob): RunnerJob {
  const now = jobs.get(keyOf(job))
  return now?.metadata.uid === job.metadata.uid && !isPastAttempt(job, now) ? now : job
}

/** Waits for a pod of the job with a log; undefined if the job ends without one. */
async function startedPod(deps: FacadeDeps, job: RunnerJob, signal: AbortSignal): Promise<Pod | undefined> {
  let latest: RunnerJob | undefined = job
  while (latest !== undefined) {
    const changed = nextJobChange(deps.caches, latest, signal)
    const pod = logPod(deps, latest)
    if (pod !== undefined && hasLog(pod)) return pod
    if (isFinished(latest)) return undefined
    latest = await changed
  }
  return undefined
}

/**
 * The end of a stream is ambiguous: the container has ended, or the API server or the kubelet is restarting. So the log is
 * reopened at the last line, until a stream that began after the container's end is read to its end. Returns whether it
 * was.
 */
async function forward(
  deps: FacadeDeps,
  { job, pod }: { job: RunnerJob; pod: Pod },
  query: LogsQuery,
  { position, into, signal }: Forwarding,
): Promise<boolean> {
  const { clock } = deps
  const openedAt = clock.now()
  const backoff = new Backoff({ clock, random: Math.random, minMs: 50, maxMs: 5000, resetAfterMs: 10_000 })
  let now: Pod | undefined = pod
  for (let isFirst = true; now !== undefined; isFirst = false) {
    let isShown = false
    try {
      if (!isFirst) now = await freshPod(deps, pod, signal)
      if (now === undefined) break
      isShown = !isFirst
      const part = isFirst ? fromStart(query) : await nextPart(deps, pod, query, { position, openedAt }, signal)
      position.reopened()
      const log = await openLog(deps, pod, part, signal)
      const isLog = await write(redacted(log, deps.redactor()), position, { into, signal })
      if (isOver(now)) return isLog
      backoff.healthy()
      if (isFirst) continue
    } catch (error) {
      if (error instanceof NotFound) break
      if (signal.aborted || isFinal(error)) throw error
      // The API server showed the pod, so the node is unreachable: a finished job does not wait for it.
      if (isShown && isNodesFault(error) && isPast(deps, job)) break
    }
    await clock.sleep(backoff.next(), signal)
  }
  return false
}

function fromStart({ tail }: LogsQuery): LogPart {
  return { follow: true, ...(tail !== undefined && { tail }) }
}

interface Progress {
  position: LogPosition
  /** When the log was opened for the first time. */
  openedAt: Date
}

/**
 * What to read after a stream broke: from the last line on, or else from the moment at which the first stream was
 * opened, so that lines which were written since are not left out with those before the tail.
 */
// oxlint-disable-next-line max-params -- the signal stays where every other call has it
async function nextPart(
  deps: FacadeDeps,
  pod: Pod,
  query: LogsQuery,
  { position, openedAt }: Progress,
  signal: AbortSignal,
): Promise<LogPart> {
  const { since } = position
  if (since !== undefined) return { follow: true, since }
  const { tail } = query
  const moment = momentAt(openedAt)
  if (tail === undefined || (tail > 0 && !(await isTailNewer(deps, pod, { tail, moment }, signal))))
    return fromStart(query)
  position.startAt(moment)
  return { follow: true, since: openedAt.toISOString() }
}

/** Whether all of the last lines were written after a moment, so that there may be more of those. */
async function isTailNewer(
  deps: FacadeDeps,
  pod: Pod,
  { tail, moment }: { tail: number; moment: string },
  signal: AbortSignal,
): Promise<boolean> {
  const log = await openLog(deps, pod, { follow: false, tail }, signal)
  const first = markOf(await takeBeginning(log, LONGEST_STAMP, signal))
  log.destroy()
  return first !== undefined && first.moment >= moment
}

/** Returns whether it was a log, and not a message of the kubelet. */
async function write(log: AsyncIterable<Buffer>, position: LogPosition, sink: Sink): Promise<boolean> {
  let isLog: boolean | undefined
  for await (const lines of log) {
    isLog ??= isLogLine(lines)
    await send(position.take(lines), sink)
  }
  return isLog ?? true
}

async function send(lines: Buffer, { into, signal }: Sink): Promise<void> {
  if (lines.length > 0 && !into.write(lines)) await once(into, 'drain', { signal })
}

function isOver(pod: Pod): boolean {
  return ['exited', 'lost'].includes(podState(pod).is)
}

/** Whether the API server rejected the request for good. */
function isFinal(error: unknown): boolean {
  if (!(error instanceof ApiError) || error instanceof TooManyRequests) return false
  return error.code > 400 && error.code < 500
}

/** Whether a healthy API server responded for an unreachable kubelet. */
function isNodesFault(error: unknown): boolean {
  return isUnknownContainer(error) || (error instanceof ApiError && error.code >= 500)
}

/** Whether a job has finished or no longer exists. */
function isPast({ caches }: FacadeDeps, job: RunnerJob): boolean {
  const now = caches.jobs.get(keyOf(job))
  return now?.metadata.uid !== job.metadata.uid || isFinished(now)
}
