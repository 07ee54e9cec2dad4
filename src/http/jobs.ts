import type { Router } from '@koa/router'
import { parseDelegation } from './delegation-body.ts'
import { delegate } from './delegate.ts'
import { findJob } from './find-job.ts'
import { readJson } from './json-body.ts'
import type { FacadeParts } from './parts.ts'
import { requestSignal } from './request-signal.ts'
import { JobDirectory } from './job-directory.ts'
import { parseListQuery } from './list-query.ts'
import { jobDetail, jobSummary, publicId, stateOf } from './views.ts'
import type { FacadeState } from './state.ts'

/** Routes under /api/jobs, but for logs. */
export function jobRoutes(router: Router<FacadeState>, parts: FacadeParts): void {
  const directory = new JobDirectory(parts.caches)

  router.get('/api/jobs', (ctx) => {
    const query = parseListQuery(ctx.query)
    const { jobs, total } = directory.page(query)
    const { page, limit } = query
    ctx.state.answer = {
      data: jobs.map((job) => jobSummary(parts.caches, job)),
      pagination: { page, limit, total, totalPages: Math.ceil(total / limit) },
    }
  })

  router.post('/api/jobs/delegate', async (ctx) => {
    const spec = parseDelegation(await readJson(ctx.req))
    const { job, replayed } = await delegate(parts, spec, requestSignal(ctx))
    const id = publicId(job)
    parts.log.info(
      { audit: 'delegate', user: ctx.state.caller?.user, job: id, repository: job.spec.repository, replayed },
      'audit',
    )
    ctx.status = 201
    ctx.set('Location', `/api/jobs/${id}`)
    if (replayed) ctx.set('Idempotency-Replayed', 'true')
    ctx.state.answer = { data: { delegationId: id, status: stateOf(parts.caches, job) } }
  })

  router.get('/api/jobs/:id', async (ctx) => {
    const job = await findJob(parts, ctx.params['id'] ?? '', requestSignal(ctx))
    ctx.state.answer = { data: jobDetail(parts.caches, job) }
  })
}
