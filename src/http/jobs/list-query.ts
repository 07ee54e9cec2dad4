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

/** Query of GET /api/jobs. Times are milliseconds since 1970; the range includes both ends. */
export interface ListQuery {
  page: number
  limit: number
  repository?: string
  status?: JobState
  startMs?: number
  endMs?: number
}

/** Matches every date of the calendar, with or without dashes. */
function dayPattern(dash: '-' | ''): string {
  const long = `(0[13578]|1[02])${dash}(0[1-9]|[12][0-9]|3[01])`
  const short = `(0[469]|11)${dash}(0[1-9]|[12][0-9]|30)`
  const february = `02${dash}(0[1-9]|1[0-9]|2[0-8])`
  const leapYear = '([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)'
  return `([0-9]{4}${dash}(${long}|${short}|${february})|${leapYear}${dash}02${dash}29)`
}

/** Matches a time with or without seconds, a fraction and colons; 24:00 is the end of the day. */
function timePattern(colon: ':' | ''): string {
  const seconds = `${colon}[0-5][0-9](\\.[0-9]{1,9})?`
  return `(([01][0-9]|2[0-3])${colon}[0-5][0-9](${seconds})?|24${colon}00(${colon}00(\\.0{1,9})?)?)`
}

const OFFSET = '(Z|[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?)'

/** A date, or a time with or without an offset. The parser accepts exactly what the OpenAPI document describes. */
const ISO = `^(${dayPattern('-')}|${dayPattern('')})(T(${timePattern(':')}|${timePattern('')})${OFFSET}?)?$`

/** Schemas of the query of GET /api/jobs. */
export const listParameters = {
  page: sharedParameters.page,
  limit: { type: 'integer', description: 'Jobs per page.', minimum: 1, maximum: 100, default: 20 },
  repository: sharedParameters.repository,
  status: { type: 'string', description: 'Only jobs in this state; case matters.', enum: jobStates },
  startDate: {
    type: 'string',
    description: 'Only jobs delegated at or after this ISO 8601 date or time; a time without an offset is UTC.',
    pattern: ISO,
  },
  endDate: {
    type: 'string',
    description: 'Only jobs delegated at or before this ISO 8601 date or time; a date means its last moment.',
    pattern: ISO,
  },
} as const satisfies Record<string, Schema>

/** Parses the query; 400 names the parameter and what is allowed. */
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

/** A date means its first moment as a start and its last as an end; a time without an offset is UTC. */
function date(query: Query, name: string, bound: 'start' | 'end'): number | undefined {
  const text = singleParam(query, name)
  if (text === undefined) return undefined
  if (!isoPattern.test(text)) throw badRequest(`${name} must be an ISO 8601 date or time`)
  const [day = '', time] = text.split('T')
  if (time !== undefined) return Date.parse(`${dashed(day)}T${plainTime(time)}`)
  const startMs = Date.parse(`${dashed(day)}T00:00:00Z`)
  return bound === 'end' ? startMs + 86_400_000 - 1 : startMs
}

function dashed(day: string): string {
  return day.replace(/^([0-9]{4})-?([0-9]{2})-?([0-9]{2})$/, '$1-$2-$3')
}

/** A time that matches the pattern, in the only form that every Date.parse accepts. */
function plainTime(time: string): string {
  const match = /^([0-9]{2}):?([0-9]{2})(?::?([0-9]{2})(\.[0-9]+)?)?(?:Z|([+-][0-9]{2}):?([0-9]{2})?)?$/.exec(time)
  const [, hour = '', minute = '', second = '00', fraction = '', offsetHour, offsetMinute = '00'] = match ?? []
  return `${hour}:${minute}:${second}${fraction}${offsetHour === undefined ? 'Z' : `${offsetHour}:${offsetMinute}`}`
}
