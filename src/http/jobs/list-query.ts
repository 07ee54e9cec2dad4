import { type JobState, jobStates } from '../../api/job-state.ts'
import type { Schema } from '../../api/schema.ts'
import { badRequest } from '../http-error.ts'
import {
  singleParam,
  pageParam,
  type Query,
  repositoryParam,
  sharedParameters,
  intParam,
  enumParam,
} from '../input/query-params.ts'

/** What GET /api/jobs is asked for. Times are milliseconds since 1970; both ends belong to the range. */
export interface ListQuery {
  page: number
  limit: number
  repository?: string
  status?: JobState
  startMs?: number
  endMs?: number
}

/** A day, or a time with or without seconds, fraction and offset; with all separators (`-`, then `:`) or none. */
const ISO =
  '^(\\d{4})(-?)(\\d{2})\\2(\\d{2})' +
  '(T(\\d{2})(:?)(\\d{2})(\\7(\\d{2})(\\.\\d{1,9})?)?(Z|([+\\-]\\d{2})(:?(\\d{2}))?)?)?$'

/** Schemas of the query of GET /api/jobs. */
export const listParameters = {
  page: sharedParameters.page,
  limit: { type: 'integer', description: 'Jobs on a page.', minimum: 1, maximum: 100, default: 20 },
  repository: sharedParameters.repository,
  status: { type: 'string', description: 'Only jobs in this state; upper and lower case matter.', enum: jobStates },
  startDate: {
    type: 'string',
    description: 'Only jobs delegated at this ISO 8601 date or time or later; a time without offset is UTC.',
    pattern: ISO,
  },
  endDate: {
    type: 'string',
    description: 'Only jobs delegated at this ISO 8601 date or time or before; a date stands for its last moment.',
    pattern: ISO,
  },
} as const satisfies Record<string, Schema>

/** Parses the query; 400 names the parameter and what is wrong with it. */
export function parseListQuery(query: Query): ListQuery {
  const repository = repositoryParam(query)
  const status = enumParam(query, 'status', jobStates)
  const startMs = date(query, 'startDate', 'start')
  const endMs = date(query, 'endDate', 'end')
  return {
    page: pageParam(query),
    limit: intParam(query, 'limit', listParameters.limit),
    ...(repository !== undefined && { repository }),
    ...(status !== undefined && { status }),
    ...(startMs !== undefined && { startMs }),
    ...(endMs !== undefined && { endMs }),
  }
}

const isoPattern = new RegExp(ISO, 'u')

/** A day stands for its first moment as a start and for its last as an end; a time without offset is UTC. */
function date(query: Query, name: string, bound: 'start' | 'end'): number | undefined {
  const text = singleParam(query, name)
  if (text === undefined) return undefined
  const parsed = isoPattern.exec(text)
  const [, year, , month, dayOfMonth, time] = parsed ?? []
  const day = `${year}-${month}-${dayOfMonth}`
  const ms = parsed === null ? Number.NaN : Date.parse(`${day}T${timeOf(parsed)}`)
  if (Number.isNaN(ms) || !dayExists(day)) throw badRequest(`${name} must be an ISO 8601 date or time`)
  return time === undefined && bound === 'end' ? ms + 86_400_000 - 1 : ms
}

/** The time of a match, in the one form that Date.parse takes everywhere. */
function timeOf(parsed: RegExpExecArray): string {
  const [hour = '00', , minute = '00', , second = '00', fraction = '', , offsetHour, , offsetMinute = '00'] =
    parsed.slice(6)
  const offset = offsetHour === undefined ? 'Z' : `${offsetHour}:${offsetMinute}`
  return `${hour}:${minute}:${second}${fraction}${offset}`
}

/** Date.parse takes the 31st of every month. */
function dayExists(day: string): boolean {
  const ms = Date.parse(`${day}T00:00:00Z`)
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(day)
}
