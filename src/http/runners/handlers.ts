import type { FacadeDeps, Handlers } from '../context.ts'
import { badRequest } from '../http-error.ts'
import { readOptionalJson } from '../input/json-body.ts'
import { requestSignal } from '../input/request-signal.ts'
import { RunnerDirectory } from './directory.ts'
import { heartbeat, parseHeartbeat } from './heartbeat.ts'
import { parseRunnerQuery } from './list-query.ts'

/** The handlers under /api/runners. */
export function runnerHandlers(deps: FacadeDeps): Handlers<'listRunners' | 'heartbeat'> {
  const directory = new RunnerDirectory(deps)
  return {
    listRunners: (ctx) => {
      const query = parseRunnerQuery(ctx.query)
      const { rows, total } = directory.page(query)
      const { page, limit } = query
      ctx.state.response = { data: rows, pagination: { page, limit, total, totalPages: Math.ceil(total / limit) } }
    },

    heartbeat: async (ctx) => {
      checkEscapes(ctx.path)
      const facts = parseHeartbeat(ctx.params['name'] ?? '', await readOptionalJson(ctx.req))
      const { runner, isNew } = await heartbeat(deps, facts, requestSignal(ctx))
      ctx.state.audit = { runner: runner.metadata.uid, isNew }
      ctx.status = isNew ? 201 : 200
      ctx.state.response = { data: directory.rowOf(runner) }
    },
  }
}

/** The router passes on a name undecoded if its escapes are not UTF-8. */
function checkEscapes(path: string): void {
  try {
    decodeURIComponent(path)
  } catch {
    throw badRequest("the runner's name must be UTF-8")
  }
}
