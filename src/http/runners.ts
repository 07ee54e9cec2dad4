import type { Router } from '@koa/router'
import type { FacadeParts } from './parts.ts'
import { RunnerDirectory } from './runner-directory.ts'
import { parseRunnerQuery } from './runner-query.ts'
import { runnerRow } from './runner-view.ts'
import type { FacadeState } from './state.ts'

/** Routes under /api/runners. */
export function runnerRoutes(router: Router<FacadeState>, { caches }: FacadeParts): void {
  const directory = new RunnerDirectory(caches)

  router.get('/api/runners', (ctx) => {
    const query = parseRunnerQuery(ctx.query)
    const { runners, total } = directory.page(query)
    const { page, limit } = query
    ctx.state.answer = {
      data: runners.map((runner) => runnerRow(caches, runner)),
      pagination: { page, limit, total, totalPages: Math.ceil(total / limit) },
    }
  })
}
