import { PassThrough } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { RunnerJob } from '../api/runner-job.ts'
import { isFinished } from '../domain/job-phases.ts'
import { NotFound } from '../kube/errors.ts'
import { findJob } from './find-job.ts'
import type { Handlers } from './handlers.ts'
import { followLog } from './followed-log.ts'
import { HttpError } from './http-error.ts'
import { LogPosition } from './log-position.ts'
import { type LogsQuery, parseLogsQuery } from './logs-query.ts'
import type { FacadeParts } from './parts.ts'
import { hasLog, logPod, LONGEST_LOG, openLog } from './pod-log.ts'
import { goneSignal, requestSignal } from './request-signal.ts'

/** GET /api/jobs/:id/logs: the whole log in the envelope, or with follow=true a stream of plain text. */
export function logHandlers(parts: FacadeParts): Handlers<'logs'> {
  return {
    logs: async (ctx) => {
      const query = parseLogsQuery(ctx.query)
      const job = await findJob(parts, ctx.params['id'] ?? '', requestSignal(ctx))
      if (!query.follow) {
        ctx.state.answer = { data: await wholeLog(parts, job, query, requestSignal(ctx)) }
        return
      }
      const leave = parts.logStreams.enter(ctx.state.caller?.user ?? '')
      if (leave === undefined) throw tooManyStreams()
      const gone = goneSignal(ctx)
      gone.addEventListener('abort', leave, { once: true })
      if (gone.aborted) leave()
      ctx.type = 'text/plain; charset=utf-8'
      ctx.set('X-Accel-Buffering', 'no')
      const body = new PassThrough()
      ctx.body = body
      // Begins the answer now, though the job may still be queued.
      ctx.flushHeaders()
      followLog(parts, job, query, { into: body, signal: gone }).catch((error: unknown) => {
        const why = error instanceof Error ? error.message : String(error)
        if (!ctx.res.destroyed) parts.log.warn({ job: job.metadata.name, why }, 'log stream ended early')
        body.destroy()
      })
    },
  }
}

/** What ends one is the end of a job, and nobody knows when that comes. */
function tooManyStreams(): HttpError {
  const message = 'this caller follows as many logs as it may; wait for one to end'
  return new HttpError(429, 'TooManyStreams', message, { 'Retry-After': '30' })
}

async function wholeLog(parts: FacadeParts, job: RunnerJob, query: LogsQuery, signal: AbortSignal): Promise<object> {
  const pod = logPod(parts, job)
  if (pod === undefined || !hasLog(pod)) return isFinished(job) ? { logs: '', state: 'unavailable' } : { logs: '' }
  try {
    const bytes = await buffer(await openLog(parts, pod, query, signal))
    const position = new LogPosition()
    const logs = Buffer.concat([position.take(bytes), position.rest()]).toString('utf8')
    if (logs === '' && bytes.length > 0) return { logs, state: 'unavailable' }
    return { logs, ...(bytes.length >= LONGEST_LOG && { truncated: true }) }
  } catch (error) {
    // The pod went while we looked.
    if (error instanceof NotFound) return { logs: '', state: 'unavailable' }
    throw error
  }
}
