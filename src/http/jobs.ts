import { parseDelegation } from './delegation-body.ts'
import { Delegator } from './delegate.ts'
import { parseIdempotencyKey } from './delegation-key.ts'
import { findJob } from './find-job.ts'
import type { Handlers } from './handlers.ts'
import { readJson } from './json-body.ts'
import type { FacadeParts } from './parts.ts'
import { requestSignal } from './request-signal.ts'
import { JobDirectory } from './job-directory.ts'
import { parseListQuery } from './list-query.ts'
import { badRequest } from './http-error.ts'
import { report } from './report.ts'
import { parseCompletion, parseStatusReport } from './report-body.ts'
import { jobDetail, jobSummary, publicId, stateOf } from './views.ts'

type Name = 'listJobs' | 'delegate' | 'report' | 'proxyComplete' | 'getJob'

/** What answers under /api/jobs, but for logs. */
export function jobHandlers(parts: FacadeParts): Handlers<Name> {
  const directory = new JobDirectory(parts.caches)
  const delegator = new Delegator(parts)
  return {
    listJobs: (ctx) => {
      const query = parseListQuery(ctx.query)
      const { jobs, total } = directory.page(query)
      const { page, limit } = query
      ctx.state.answer = {
        data: jobs.map((job) => jobSummary(parts.caches, job)),
        pagination: { page, limit, total, totalPages: Math.ceil(total / limit) },
      }
    },

    delegate: async (ctx) => {
      const idempotencyKey = parseIdempotencyKey(ctx.req.headers['idempotency-key'])
      const spec = parseDelegation(await readJson(ctx.req))
      const delegation = { spec, user: ctx.state.caller?.user ?? '', idempotencyKey }
      const { job, replayed } = await delegator.delegate(delegation, requestSignal(ctx))
      const id = publicId(job)
      ctx.state.audit = { job: id, repository: job.spec.repository, replayed }
      ctx.status = 201
      ctx.set('Location', `/api/jobs/${id}`)
      if (replayed) ctx.set('Idempotency-Replayed', 'true')
      ctx.state.answer = { data: { delegationId: id, status: stateOf(parts.caches, job) } }
    },

    report: async (ctx) => {
      const said = parseStatusReport(await readJson(ctx.req))
      const signal = requestSignal(ctx)
      const job = await report(parts, await findJob(parts, ctx.params['id'] ?? '', signal), said, signal)
      const id = publicId(job)
      const status = stateOf(parts.caches, job)
      ctx.state.audit = { job: id, said: said.phase }
      ctx.state.answer = { data: { id, status, updatedAt: job.status.reported?.at ?? parts.clock.now().toISOString() } }
    },

    proxyComplete: async (ctx) => {
      const completion = parseCompletion(await readJson(ctx.req))
      const signal = requestSignal(ctx)
      const job = await findJob(parts, ctx.params['id'] ?? '', signal)
      for (const field of ['runId', 'jobId'] as const) {
        const said = completion[field]
        if (said !== undefined && said !== job.spec[field]) throw badRequest(`${field} is not that of the job`)
      }
      await report(parts, job, completion.report, signal)
      const { phase } = completion.report
      ctx.state.audit = { job: publicId(job), said: phase }
      ctx.state.answer = {}
    },

    getJob: async (ctx) => {
      const job = await findJob(parts, ctx.params['id'] ?? '', requestSignal(ctx))
      ctx.state.answer = { data: jobDetail(parts.caches, job) }
    },
  }
}
