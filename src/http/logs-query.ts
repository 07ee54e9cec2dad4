import type { Schema } from '../api/schema.ts'
import { badRequest } from './http-error.ts'

export interface LogsQuery {
  /** Number of lines from the end; all when absent. */
  tail?: number
  follow: boolean
}

/** Schemas of the query of GET /api/jobs/:id/logs. */
export const logsParameters = {
  tail: {
    type: 'integer',
    description: 'Number of lines from the end; 0 gives none.',
    minimum: 0,
    maximum: 1_000_000,
  },
  follow: {
    type: 'boolean',
    description: 'true: a stream of plain text, which may begin before the job does and ends with it.',
    default: false,
  },
} as const satisfies Record<string, Schema>

const mostLines = logsParameters.tail.maximum

/** Parses `tail` and `follow`; 400 where either is not of its form. */
export function parseLogsQuery(query: Readonly<Record<string, string | string[] | undefined>>): LogsQuery {
  const { tail, follow } = query
  if (follow !== undefined && follow !== 'true' && follow !== 'false') throw badRequest('follow must be true or false')
  if (tail === undefined) return { follow: follow === 'true' }
  if (typeof tail !== 'string' || !/^\d{1,7}$/.test(tail) || Number(tail) > mostLines) {
    throw badRequest(`tail must be a whole number from 0 to ${mostLines}`)
  }
  return { tail: Number(tail), follow: follow === 'true' }
}
