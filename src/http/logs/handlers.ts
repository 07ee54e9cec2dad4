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
import { jobAt } from '../../domain/log/attempt.ts'
import { followLog } from './followed.ts'
import { logPod, logStart, openLog } from '../../cluster/pod-log.ts'
import { type LogsQuery, parseLogsQuery } from './query.ts'
import { type ByteRange, parseRange } from './byte-range.ts'
import { jsonOf, type LogFile, type WholeLog, wholeLog } from './whole.ts'

/** GET /api/jobs/:id/logs: the whole log in the envelope, or with follow=true a stream of plain text. */
export function logHandlers(deps: FacadeDeps, access: JobAccess): Handlers<'logs'> {
  return {
    logs: async (ctx) => {
      const query = parseLogsQuery(ctx.query)
      const job = jobAt(await access.jobOf(ctx), query.attempt)
      if (job === undefined) throw notFound('attempt')
      const gone = goneSignal(ctx)
      ctx.set('Accept-Ranges', 'none')
      if (!query.follow) return sendNow(ctx, deps, { job, query, gone })
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

/** Sends a log as it is now: in the envelope, as a file, or a range of it. */
async function sendNow(
  ctx: FacadeContext,
  deps: FacadeDeps,
  { job, query, gone }: { job: RunnerJob; query: LogsQuery; gone: AbortSignal },
): Promise<void> {
  const log = await wholeLog(deps, job, query, { gone, patient: requestSignal(ctx) })
  if (log.mayLackBeginning) ctx.set(TRUNCATED_HEADER, 'true')
  if (log.file !== undefined) ctx.set('Accept-Ranges', 'bytes')
  const range = rangeOf(ctx, log.file)
  if (query.download === true) {
    if (log.after.state === 'unavailable') throw notFound('log')
    ctx.attachment(`${job.metadata.name}.log`)
  }
  if (log.file !== undefined && range !== undefined) sendRange(ctx, log.file, range)
  else if (query.download === true) sendFile(ctx, log)
  else {
    ctx.type = 'application/json; charset=utf-8'
    ctx.body = jsonOf(log, deps)
  }
}

/** The bytes that the caller wants; undefined for all of them. A log without a file has no ranges. */
function rangeOf(ctx: FacadeContext, file: LogFile | undefined): ByteRange | undefined {
  if (file === undefined || ctx.method !== 'GET') return undefined
  return parseRange({ range: ctx.get('Range'), ifRange: ctx.get('If-Range') }, file)
}

function sendRange(ctx: FacadeContext, file: LogFile, { from, to }: ByteRange): void {
  ctx.status = 206
  ctx.set('Content-Range', `bytes ${from}-${to - 1}/${file.size}`)
  sendText(ctx, file.read(from, to), { ...file, size: to - from })
}

function sendFile(ctx: FacadeContext, { text, file }: WholeLog): void {
  sendText(ctx, file === undefined ? text : file.read(0, file.size), file)
}

function sendText(ctx: FacadeContext, text: AsyncIterable<Buffer>, file: Omit<LogFile, 'read'> | undefined): void {
  ctx.type = 'text/plain; charset=utf-8'
  ctx.body = Readable.from(text, { highWaterMark: 2 })
  if (file === undefined) return
  ctx.set('ETag', file.etag)
  ctx.length = file.size
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
