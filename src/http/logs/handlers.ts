import { PassThrough, Readable } from 'node:stream'
import type { RunnerJob } from '../../api/runner-job.ts'
import { withTimeout } from '../../kube/runtime/signals.ts'
import type { FacadeContext, FacadeDeps, Handlers } from '../context.ts'
import { HttpError, notFound } from '../http-error.ts'
import { goneSignal, requestSignal } from '../input/request-signal.ts'
import type { JobAccess } from '../jobs/access.ts'
import { TRUNCATED_HEADER } from '../middleware/headers.ts'
import { BEGINNING_BYTES, mayLackBeginning } from '../../domain/log/beginning.ts'
import { takeBeginning } from './take-beginning.ts'
import { jobAt } from './attempt.ts'
import { followLog } from './followed.ts'
import { logPod, logStart, openLog } from '../../cluster/pod-log.ts'
import { type LogsQuery, parseLogsQuery } from './query.ts'
import { jsonOf, type WholeLog, wholeLog } from './whole.ts'

/** GET /api/jobs/:id/logs: the whole log in the envelope, or with follow=true a stream of plain text. */
export function logHandlers(deps: FacadeDeps, access: JobAccess): Handlers<'logs'> {
  return {
    logs: async (ctx) => {
      const query = parseLogsQuery(ctx.query)
      const job = jobAt(await access.jobOf(ctx), query.attempt)
      if (job === undefined) throw notFound('attempt')
      const gone = goneSignal(ctx)
      if (!query.follow) {
        const log = await wholeLog(deps, job, query, { gone, patient: requestSignal(ctx) })
        if (log.mayLackBeginning) ctx.set(TRUNCATED_HEADER, 'true')
        if (query.download === true) return sendFile(ctx, job, log)
        ctx.type = 'application/json; charset=utf-8'
        ctx.body = jsonOf(log, deps)
        return
      }
      const leave = deps.logStreams.enter(ctx.state.caller?.user ?? '')
      if (leave === undefined) throw tooManyStreams()
      gone.addEventListener('abort', leave, { once: true })
      if (gone.aborted) leave()
      if (await isKnownToLackBeginning(deps, job, query, gone)) ctx.set(TRUNCATED_HEADER, 'true')
      ctx.type = 'text/plain; charset=utf-8'
      ctx.set('X-Accel-Buffering', 'no')
      const body = new PassThrough()
      ctx.body = body
      // Starts the response now, even if the job is still queued.
      ctx.flushHeaders()
      followLog(deps, job, query, { into: body, signal: gone }).catch((error: unknown) => {
        const why = error instanceof Error ? error.message : String(error)
        if (!ctx.res.destroyed) deps.log.warn({ job: job.metadata.name, why }, 'log stream ended early')
        body.destroy()
      })
    },
  }
}

function sendFile(ctx: FacadeContext, job: RunnerJob, { text, after }: WholeLog): void {
  if (after.state === 'unavailable') throw notFound('log')
  ctx.attachment(`${job.metadata.name}.log`)
  ctx.type = 'text/plain; charset=utf-8'
  ctx.body = Readable.from(text, { highWaterMark: 2 })
}

/** For how long the answer to a follower waits to know whether it is truncated. */
const LONGEST_LOOK_MS = 2000

/** Looks at the beginning of a log that is there already and that is to be followed from its beginning. */
async function isKnownToLackBeginning(
  deps: FacadeDeps,
  job: RunnerJob,
  { tail }: LogsQuery,
  signal: AbortSignal,
): Promise<boolean> {
  const pod = tail === undefined ? logPod(deps, job) : undefined
  const startedAt = pod === undefined ? undefined : logStart(pod)
  if (pod === undefined || startedAt === undefined) return false
  // A kubelet does not rotate what has just begun.
  if (deps.clock.now().getTime() - Date.parse(startedAt) < LONGEST_LOOK_MS) return false
  try {
    return await withTimeout({ clock: deps.clock, ms: LONGEST_LOOK_MS }, signal, async (look) => {
      const log = await openLog(deps, pod, { follow: false, limitBytes: BEGINNING_BYTES }, look)
      return mayLackBeginning(await takeBeginning(log, BEGINNING_BYTES, look), startedAt)
    })
  } catch {
    return false // whatever is wrong, following the log will show it
  }
}

/** A stream ends with its job, at an unknown time. */
function tooManyStreams(): HttpError {
  const message = 'this caller already follows as many logs as allowed, wait for one to end'
  return new HttpError(429, 'TooManyStreams', message, { 'Retry-After': '30' })
}
