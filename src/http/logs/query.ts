import type { Schema } from '../../api/schema.ts'
import { badRequest } from '../http-error.ts'
import { uintParam, type Query } from '../input/query-params.ts'

export interface LogsQuery {
  /** Number of lines from the end; all lines if absent. */
  tail?: number
  follow: boolean
}

/** Schemas of the query of GET /api/jobs/:id/logs. */
export const logsParameters = {
  tail: {
    type: 'integer',
    description: 'Number of lines from the end; 0 means none.',
    minimum: 0,
  },
  follow: {
    type: 'boolean',
    description: 'true: a stream of plain text, which may begin before the job and ends with it.',
    default: false,
  },
} as const satisfies Record<string, Schema>

/** Parses `tail` and `follow`; 400 if either is invalid. */
export function parseLogsQuery(query: Query): LogsQuery {
  const { follow } = query
  if (follow !== undefined && follow !== 'true' && follow !== 'false') throw badRequest('follow must be true or false')
  const tail = uintParam(query, 'tail', logsParameters.tail)
  return { ...(tail !== undefined && { tail }), follow: follow === 'true' }
}
