import type { Schema } from '../../api/schema.ts'
import { badRequest } from '../http-error.ts'
import { uintParam, type Query } from '../input/query-params.ts'

export interface LogsQuery {
  /** Number of lines from the end; all lines if absent. */
  tail?: number
  follow: boolean
  /** A page: the number of its first line, and of its lines. */
  page?: { offset: number; limit: number }
  /** As a file. */
  download?: true
  /** Which pod of the job; the latest if absent. */
  attempt?: number
}

/** Lines of a page without a limit. */
const DEFAULT_LIMIT = 1000

/** Schemas of the query of GET /api/jobs/:id/logs. */
export const logsParameters = {
  tail: {
    type: 'integer',
    description: 'Number of lines from the end; 0 means none. A page has no tail.',
    minimum: 0,
  },
  follow: {
    type: 'boolean',
    description:
      'true: a stream of plain text, which may begin before the job and ends with it. A page and a download end with the lines that are there.',
    default: false,
  },
  offset: {
    type: 'integer',
    description:
      'A page that begins with this line; the first line is 0. nextOffset in the response begins the next one.',
    minimum: 0,
  },
  limit: {
    type: 'integer',
    description: 'Number of lines of a page; 1000 by default. Without offset, the page begins with the first line.',
    minimum: 1,
    maximum: 100_000,
  },
  download: {
    type: 'boolean',
    description: 'true: the log as a file of plain text, without the limit of a JSON response.',
    default: false,
  },
  attempt: {
    type: 'integer',
    description: 'Number of the attempt whose log is meant, from 1 on; the latest by default.',
    minimum: 1,
  },
} as const satisfies Record<string, Schema>

/**
 * Parses the query; 400 if a parameter is invalid. A page wins over a tail and over following, and a download over
 * following: an OpenAPI document cannot say that parameters exclude each other.
 */
export function parseLogsQuery(query: Query): LogsQuery {
  const [follow, download] = [flag(query, 'follow'), flag(query, 'download')]
  const tail = uintParam(query, 'tail', logsParameters.tail)
  const offset = uintParam(query, 'offset', logsParameters.offset)
  const limit = uintParam(query, 'limit', logsParameters.limit)
  const attempt = uintParam(query, 'attempt', logsParameters.attempt)
  const isPage = offset !== undefined || limit !== undefined
  return {
    ...(tail !== undefined && !isPage && { tail }),
    follow: follow && !isPage && !download,
    ...(isPage && { page: { offset: offset ?? 0, limit: limit ?? DEFAULT_LIMIT } }),
    ...(download && { download }),
    ...(attempt !== undefined && { attempt }),
  }
}

function flag(query: Query, name: 'follow' | 'download'): boolean {
  const { [name]: value } = query
  if (value !== undefined && value !== 'true' && value !== 'false') throw badRequest(`${name} must be true or false`)
  return value === 'true'
}
