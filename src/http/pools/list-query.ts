import type { Schema } from '../../api/schema.ts'
import { sharedParameters } from '../input/query-params.ts'

/** Schemas of the query of GET /api/pools. */
export const poolParameters = {
  page: sharedParameters.page,
  limit: { type: 'integer', description: 'Pools per page.', minimum: 1, maximum: 1000, default: 1000 },
} as const satisfies Record<string, Schema>
