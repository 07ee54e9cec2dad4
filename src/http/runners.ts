import type { Handlers } from './handlers.ts'
import type { FacadeParts } from './parts.ts'
import { RunnerDirectory } from './runner-directory.ts'
import { parseRunnerQuery } from './runner-query.ts'
import { runnerRow } from './runner-view.ts'

/** What answers under /api/runners. */
export function runnerHandlers({ caches }: FacadeParts): Handlers<'listRunners'> {
  const directory = new RunnerDirectory(caches)
  return {
    listRunners: (ctx) => {
      const query = parseRunnerQuery(ctx.query)
      const { runners, total } = directory.page(query)
      const { page, limit } = query
      ctx.state.answer = {
        data: runners.map((runner) => runnerRow(caches, runner)),
        pagination: { page, limit, total, totalPages: Math.ceil(total / limit) },
      }
    },
  }
}
