import type { Schema } from '../../api/schema.ts'
import { intParam, type Query } from '../input/query-params.ts'

/** Schemas of the query of GET /api/jobs/:id. */
export const jobParameters = {
  waitSeconds: {
    type: 'integer',
    description: 'Respond when the job has ended, and after this many seconds at the latest.',
    minimum: 0,
    maximum: 60,
    default: 0,
  },
} as const satisfies Record<string, Schema>

/** How long to wait for the end of a job, in milliseconds; 400 where that cannot be. */
export function parseWaitMs(query: Query): number {
  return intParam(query, 'waitSeconds', jobParameters.waitSeconds) * 1000
}
