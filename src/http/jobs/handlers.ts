import { Readable } from 'node:stream'
import { publicId, stateOfPhase } from '../../api/job-state.ts'
import { isFinished } from '../../domain/job/phases.ts'
import { atRoot } from '../base-path.ts'
import type { FacadeDeps, Handlers } from '../context.ts'
import { envelopeAround } from '../envelope.ts'
import { HandOvers } from '../hand-over/hand-overs.ts'
import { HttpError } from '../http-error.ts'
import { bringsMessage } from '../input/body-limit.ts'
import { readJson } from '../input/json-body.ts'
import { goneSignal, requestSignal } from '../input/request-signal.ts'
import { awaitedJob, SILENCE_MS } from './awaited-job.ts'
import type { JobAccess } from './access.ts'
import { cancelJob } from './cancel.ts'
import { Delegator } from './delegate.ts'
import { parseDelegation } from './delegation-body.ts'
import { parseIdempotencyKey } from './delegation-key.ts'
import { JobDirectory } from './directory.ts'
import { JobEnds } from './job-ends.ts'
import { parseListQuery } from './list-query.ts'
import { parseCompletion, parseStatusReport, report } from './status-report.ts'
import { jobDetail, jobSummary, stateOf } from './views.ts'
import { parseWaitMs } from './wait-query.ts'

type Read = 'listJobs' | 'getJob'
type Change = 'delegate' | 'report' | 'proxyComplete' | 'cancel'

/** The handlers under /api/jobs, except for logs. */
export function jobHandlers(deps: FacadeDeps, access: JobAccess): Handlers<Read | Change> {
  return { ...readHandlers(deps, access), ...changeHandlers(deps, access) }
}

function readHandlers(deps: FacadeDeps, access: JobAccess): Handlers<Read> {
  const directory = new JobDirectory(deps.caches)
  const ends = new JobEnds(deps.caches.jobs, deps.clock)
  return {
    listJobs: async (ctx) => {
      const query = parseListQuery(ctx.query)
      const { jobs, total } = directory.page(query, await access.scopeOf(ctx))
      const { page, limit } = query
      ctx.state.response = {
        data: jobs.map((job) => jobSummary(deps.caches, job)),
        pagination: { page, limit, total, totalPages: Math.ceil(total / limit) },
      }
    },

    getJob: async (ctx) => {
      const waitMs = parseWaitMs(ctx.query)
      let job = await access.jobOf(ctx)
      if (waitMs > 0 && !isFinished(job)) {
        ctx.state.hasWaited = true
        const signals = [goneSignal(ctx), deps.closing]
        await ends.wait(job, Math.min(waitMs, SILENCE_MS), signals)
        job = await access.jobOf(ctx)
        const leftMs = isFinished(job) || deps.closing.aborted ? 0 : waitMs - SILENCE_MS
        if (leftMs > 0) {
          ctx.type = 'application/json; charset=utf-8'
          ctx.body = Readable.from(envelopeAround(awaitedJob(deps, ends, { job, leftMs, signals }), deps))
          return
        }
      }
      ctx.state.response = { data: jobDetail(deps.caches, job, deps.clock.now()) }
    },
  }
}

function changeHandlers(deps: FacadeDeps, access: JobAccess): Handlers<Change> {
  const delegator = new Delegator(deps)
  const { basePathOf = atRoot } = deps
  const handOvers = new HandOvers()
  return {
    delegate: async (ctx) => {
      const idempotencyKey = parseIdempotencyKey(ctx.req.headers['idempotency-key'])
      const { spec, message } = bringsMessage(ctx.req.headers)
        ? await handOvers.read(ctx)
        : { spec: parseDelegation(await readJson(ctx.req)), message: undefined }
      const user = ctx.state.caller?.user ?? ''
      const delegation = { spec, user, scope: await access.scopeOf(ctx), idempotencyKey }
      const { job, replayed } = await delegator.delegate(delegation, requestSignal(ctx), message)
      const id = publicId(job)
      const handedOver = message !== undefined && { handedOver: true }
      ctx.state.audit = { job: id, repository: job.spec.repository, replayed, ...handedOver }
      ctx.status = 201
      ctx.set('Location', `${basePathOf(ctx)}/api/jobs/${id}`)
      if (replayed) ctx.set('Idempotency-Replayed', 'true')
      // A controller in this process may have assigned a new job already: its answer shows what the call made.
      const status = replayed ? stateOf(deps.caches, job) : stateOfPhase('Queued')
      ctx.state.response = { data: { delegationId: id, status } }
    },

    report: async (ctx) => {
      const parsed = parseStatusReport(await readJson(ctx.req))
      const signal = requestSignal(ctx)
      const job = await report(deps, await access.jobOf(ctx), parsed, signal)
      const id = publicId(job)
      const status = stateOf(deps.caches, job)
      ctx.state.audit = { job: id, said: parsed.phase }
      ctx.state.response = {
        data: { id, status, updatedAt: job.status.reported?.at ?? deps.clock.now().toISOString() },
      }
    },

    proxyComplete: async (ctx) => {
      const completion = parseCompletion(await readJson(ctx.req))
      const signal = requestSignal(ctx)
      const job = await access.jobOf(ctx)
      for (const field of ['runId', 'jobId'] as const) {
        const reported = completion[field]
        if (reported !== undefined && reported !== job.spec[field])
          throw new HttpError(409, 'OtherJob', `${field} is not that of the job`)
      }
      await report(deps, job, completion.report, signal)
      const { phase } = completion.report
      ctx.state.audit = { job: publicId(job), said: phase }
      ctx.state.response = {}
    },

    cancel: async (ctx) => {
      const signal = requestSignal(ctx)
      const job = await cancelJob(deps, await access.jobOf(ctx), signal)
      const id = publicId(job)
      ctx.state.audit = { job: id }
      ctx.status = 202
      ctx.state.response = { data: { id, status: stateOf(deps.caches, job) } }
    },
  }
}
