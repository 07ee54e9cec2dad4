import { once } from 'node:events'
import type { PassThrough } from 'node:stream'
import { type Pod, pods } from '../api/pod.ts'
import type { RunnerJob } from '../api/runner-job.ts'
import { isFinished } from '../domain/job-phases.ts'
import { podState } from '../domain/pod-state.ts'
import { Backoff } from '../kube/backoff.ts'
import { ApiError, NotFound, TooManyRequests } from '../kube/errors.ts'
import { nextJobChange } from './job-changes.ts'
import { LogPosition } from './log-position.ts'
import type { LogsQuery } from './logs-query.ts'
import type { FacadeParts } from './parts.ts'
import { hasLog, logPod, openLog } from './pod-log.ts'

/** Where the log goes, and how long it is wanted. */
interface Sink {
  into: PassThrough
  signal: AbortSignal
}

/** Waits for the pod to start, then hands its log on until its container has ended and every line is out. */
export async function followLog(parts: FacadeParts, job: RunnerJob, query: LogsQuery, sink: Sink): Promise<void> {
  const pod = await startedPod(parts, job, sink.signal)
  if (pod !== undefined) await handOn(parts, pod, query, sink)
  sink.into.end()
}

/** The job's pod, once it has a log; undefined if the job ends without one. */
async function startedPod(parts: FacadeParts, job: RunnerJob, signal: AbortSignal): Promise<Pod | undefined> {
  let latest: RunnerJob | undefined = job
  while (latest !== undefined) {
    const changed = nextJobChange(parts.caches, latest, signal)
    const pod = logPod(parts, latest)
    if (pod !== undefined && hasLog(pod)) return pod
    if (isFinished(latest)) return undefined
    latest = await changed
  }
  return undefined
}

/**
 * A stream that ends says little: its container has ended, or the API server or the kubelet behind it is being
 * replaced. So it is read on from the last line, until one that was begun after the container's end is read whole.
 */
async function handOn(parts: FacadeParts, pod: Pod, query: LogsQuery, { into, signal }: Sink): Promise<void> {
  const { clock } = parts
  const position = new LogPosition()
  const backoff = new Backoff({ clock, random: Math.random, minMs: 50, maxMs: 5000, resetAfterMs: 10_000 })
  let now: Pod | undefined = pod
  for (let isFirst = true; now !== undefined; isFirst = false) {
    try {
      if (!isFirst) now = await fresh(parts, pod, signal)
      if (now === undefined) break
      const { since } = position
      position.reopened()
      const log = await openLog(parts, pod, since === undefined ? query : { follow: true, since }, signal)
      await write(log, position, { into, signal })
      if (isOver(now)) break
      backoff.healthy()
      if (isFirst) continue
    } catch (error) {
      if (error instanceof NotFound) break
      if (signal.aborted || isFinal(error)) throw error
    }
    await clock.sleep(backoff.next(), signal)
  }
  into.write(position.rest())
}

async function write(log: AsyncIterable<Uint8Array>, position: LogPosition, { into, signal }: Sink): Promise<void> {
  for await (const chunk of log) {
    const lines = position.take(chunk)
    if (lines.length > 0 && !into.write(lines)) await once(into, 'drain', { signal })
  }
}

/** The pod as it is now; undefined where another has its name. */
async function fresh({ client }: FacadeParts, { metadata }: Pod, signal: AbortSignal): Promise<Pod | undefined> {
  const pod = await client.get(pods, { namespace: metadata.namespace ?? '', name: metadata.name }, signal)
  return pod.metadata.uid === metadata.uid ? pod : undefined
}

function isOver(pod: Pod): boolean {
  return ['exited', 'lost'].includes(podState(pod).is)
}

/** Refused for good; 400 is a container that the kubelet does not know yet, or any more. */
function isFinal(error: unknown): boolean {
  if (!(error instanceof ApiError) || error instanceof TooManyRequests) return false
  return error.code > 400 && error.code < 500
}
