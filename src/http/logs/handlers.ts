import { PassThrough } from 'node:stream'
import type { FacadeDeps, Handlers } from '../context.ts'
import { HttpError } from '../http-error.ts'
import { goneSignal, requestSignal } from '../input/request-signal.ts'
import { findJob } from '../jobs/find.ts'
import { followLog } from './followed.ts'
import { parseLogsQuery } from './query.ts'
import { wholeLog } from './whole.ts'

/** GET /api/jobs/:id/logs: the whole log in the envelope, or with follow=true a stream of plain text. */
export function logHandlers(deps: FacadeDeps): Handlers<'logs'> {
  return {
    logs: async (ctx) => {
      const query = parseLogsQuery(ctx.query)
      const job = await findJob(deps, ctx.params['id'] ?? '', requestSignal(ctx))
      const gone = goneSignal(ctx)
      if (!query.follow) {
        const log = await wholeLog(deps, job, query, { gone, patient: requestSignal(ctx) })
        if ('data' in log) ctx.state.answer = log
        else {
          ctx.type = 'application/json; charset=utf-8'
          ctx.body = log.json
        }
        return
      }
      const leave = deps.logStreams.enter(ctx.state.caller?.user ?? '')
      if (leave === undefined) throw tooManyStreams()
      gone.addEventListener('abort', leave, { once: true })
      if (gone.aborted) leave()
      ctx.type = 'text/plain; charset=utf-8'
      ctx.set('X-Accel-Buffering', 'no')
      const body = new PassThrough()
      ctx.body = body
      // Begins the answer now, though the job may still be queued.
      ctx.flushHeaders()
      followLog(deps, job, query, { into: body, signal: gone }).catch((error: unknown) => {
        const why = error instanceof Error ? error.message : String(error)
        if (!ctx.res.destroyed) deps.log.warn({ job: job.metadata.name, why }, 'log stream ended early')
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
