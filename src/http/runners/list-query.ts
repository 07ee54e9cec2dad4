import type { Schema } from '../../api/schema.ts'
import { pageParam, type Query, repositoryParam, sharedParameters, intParam, enumParam } from '../input/query-params.ts'
import { type RunnerState, runnerStates, type RunnerType, runnerTypes } from './views.ts'

/** Query of GET /api/runners. */
export interface RunnerQuery {
  page: number
  limit: number
  type?: RunnerType
  status?: RunnerState
  repository?: string
}

/** Enough for all runners of an ordinary installation in one response, but bounded. */
const MAX_ROWS = 1000

/** Schemas of the query of GET /api/runners. */
export const runnerParameters = {
  page: sharedParameters.page,
  limit: { type: 'integer', description: 'Runners per page.', minimum: 1, maximum: MAX_ROWS, default: MAX_ROWS },
  type: { type: 'string', description: 'Only runners of this type.', enum: runnerTypes },
  status: { type: 'string', description: 'Only runners in this state.', enum: runnerStates },
  repository: sharedParameters.repository,
} as const satisfies Record<string, Schema>

/** Parses the query; 400 names the parameter and what is allowed. */
export function parseRunnerQuery(query: Query): RunnerQuery {
  const type = enumParam(query, 'type', runnerTypes)
  const status = enumParam(query, 'status', runnerStates)
  const repository = repositoryParam(query)
  return {
    page: pageParam(query),
    limit: intParam(query, 'limit', runnerParameters.limit),
    ...(type !== undefined && { type }),
    ...(status !== undefined && { status }),
    ...(repository !== undefined && { repository }),
  }
}
