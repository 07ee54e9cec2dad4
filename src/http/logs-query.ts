import { badRequest } from './http-error.ts'

export interface LogsQuery {
  /** Number of lines from the end; all when absent. */
  tail?: number
  follow: boolean
}

const MOST_LINES = 1_000_000

/** Parses `tail` and `follow`; 400 where either is not of its form. */
export function parseLogsQuery(query: Readonly<Record<string, string | string[] | undefined>>): LogsQuery {
  const { tail, follow } = query
  if (follow !== undefined && follow !== 'true' && follow !== 'false') throw badRequest('follow must be true or false')
  if (tail === undefined) return { follow: follow === 'true' }
  if (typeof tail !== 'string' || !/^\d{1,7}$/.test(tail) || Number(tail) > MOST_LINES) {
    throw badRequest(`tail must be a whole number from 0 to ${MOST_LINES}`)
  }
  return { tail: Number(tail), follow: follow === 'true' }
}
