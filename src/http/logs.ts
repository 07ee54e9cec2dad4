import { PassThrough } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { Pod } from '../api/pod.ts'
import type { RunnerJob } from '../api/runner-job.ts'
import { isFinished } from '../domain/job-phases.ts'
import { ApiError, NotFound } from '../kube/errors.ts'
import { findJob } from './find-job.ts'
import type { Handlers } from './handlers.ts'
import { followLog } from './followed-log.ts'
import { HttpError } from './http-error.ts'
import { LogPosition } from './log-position.ts'
import { type LogsQuery, parseLogsQuery } from './logs-query.ts'
import type { FacadeParts } from './parts.ts'
import { PerCaller } from './per-caller.ts'
import { freshPod, hasLog, isUnknownContainer, logPod, LONGEST_LOG, openLog } from './pod-log.ts'
import { goneSignal, requestSignal } from './request-signal.ts'
import type { FacadeContext } from './state.ts'

/** Most whole logs that are in memory at a time; each takes a few times its length until its caller has it all. */
export const mostReads = { perCaller: 8, inAll: 16 }

/** GET /api/jobs/:id/logs: the whole log in the envelope, or with follow=true a stream of plain text. */
export function logHandlers(parts: FacadeParts): Handlers<'logs'> {
  const reads = new PerCaller(mostReads.perCaller, mostReads.inAll)
  return {
    logs: async (ctx) => {
      const query = parseLogsQuery(ctx.query)
      const job = await findJob(parts, ctx.params['id'] ?? '', requestSignal(ctx))
      const caller = ctx.state.caller?.user ?? ''
      if (!query.follow) {
        hold(ctx, reads.enter(caller) ?? refuse(reads, caller))
        ctx.state.answer = { data: await wholeLog(parts, job, query, requestSignal(ctx)) }
        return
      }
      const leave = parts.logStreams.enter(caller)
      if (leave === undefined) throw tooManyStreams()
      hold(ctx, leave)
      ctx.type = 'text/plain; charset=utf-8'
      ctx.set('X-Accel-Buffering', 'no')
      const body = new PassThrough()
      ctx.body = body
      // Begins the answer now, though the job may still be queued.
      ctx.flushHeaders()
      followLog(parts, job, query, { into: body, signal: goneSignal(ctx) }).catch((error: unknown) => {
        const why = error instanceof Error ? error.message : String(error)
        if (!ctx.res.destroyed) parts.log.warn({ job: job.metadata.name, why }, 'log stream ended early')
        body.destroy()
      })
    },
  }
}

/** Keeps a place until the answer has gone out whole, or its caller has. */
function hold(ctx: FacadeContext, leave: () => void): void {
  const gone = goneSignal(ctx)
  gone.addEventListener('abort', leave, { once: true })
  if (gone.aborted) leave()
}

function refuse(reads: PerCaller, caller: string): never {
  const headers = { 'Retry-After': '1' }
  if (reads.hasRoom(caller)) throw new HttpError(503, 'Busy', 'as many logs are being read as fit, try again', headers)
  const message = 'this caller reads as many logs as it may at once; wait for one to end'
  throw new HttpError(429, 'TooManyReads', message, headers)
}

/** What ends one is the end of a job, and nobody knows when that comes. */
function tooManyStreams(): HttpError {
  const message = 'this caller follows as many logs as it may; wait for one to end'
  return new HttpError(429, 'TooManyStreams', message, { 'Retry-After': '30' })
}

async function wholeLog(parts: FacadeParts, job: RunnerJob, query: LogsQuery, signal: AbortSignal): Promise<object> {
  const nothing = isFinished(job) ? unavailable : { logs: '' }
  const pod = logPod(parts, job)
  if (pod === undefined || !hasLog(pod)) return nothing
  try {
    const bytes = await buffer(await openLog(parts, pod, query, signal))
    const position = new LogPosition()
    const logs = Buffer.concat([position.take(bytes), position.rest()]).toString('utf8')
    if (logs === '' && bytes.length > 0) return unavailable
    return { logs, ...(bytes.length >= LONGEST_LOG && { truncated: true }) }
  } catch (error) {
    // The pod went while we looked.
    if (error instanceof NotFound) return unavailable
    if (isUnknownContainer(error)) return nothing
    // A node that does not answer may be gone for good, with what it had.
    if (isFinished(job) && (await isNodeSilent(parts, pod, error, signal))) return unavailable
    throw error
  }
}

const unavailable = { logs: '', state: 'unavailable' }

/** Whether it was the node that failed: the API server is well if it shows the pod. */
async function isNodeSilent(parts: FacadeParts, pod: Pod, error: unknown, signal: AbortSignal): Promise<boolean> {
  if (!(error instanceof ApiError && error.code >= 500)) return false
  return freshPod(parts, pod, signal).then(
    () => true,
    (why: unknown) => why instanceof NotFound,
  )
}
