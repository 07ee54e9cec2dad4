import { pageOf, type Query, repositoryOf, wholeNumber, word } from './query.ts'
import { type RunnerState, runnerStates, type RunnerType, runnerTypes } from './runner-states.ts'

/** What GET /api/runners is asked for. */
export interface RunnerQuery {
  page: number
  limit: number
  type?: RunnerType
  status?: RunnerState
  repository?: string
}

/** All runners of an ordinary installation in one answer; nobody gets a million rows at once. */
const MOST_ROWS = 1000

/** Parses the query; 400 names the parameter and what is wrong with it. */
export function parseRunnerQuery(query: Query): RunnerQuery {
  const type = word(query, 'type', runnerTypes)
  const status = word(query, 'status', runnerStates)
  const repository = repositoryOf(query)
  return {
    page: pageOf(query),
    limit: wholeNumber(query, 'limit', { default: MOST_ROWS, highest: MOST_ROWS }),
    ...(type !== undefined && { type }),
    ...(status !== undefined && { status }),
    ...(repository !== undefined && { repository }),
  }
}
