import type { FacadeDeps, Handlers } from '../context.ts'
import { intParam, pageParam } from '../input/query-params.ts'
import { poolParameters } from './list-query.ts'
import { poolRow } from './views.ts'

/** The handler of GET /api/pools. */
export function poolHandlers({ caches }: Pick<FacadeDeps, 'caches'>): Handlers<'listPools'> {
  return {
    listPools: (ctx) => {
      const page = pageParam(ctx.query)
      const limit = intParam(ctx.query, 'limit', poolParameters.limit)
      const pools = [...caches.pools.list()].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
      const rows = pools.slice((page - 1) * limit, page * limit).map(poolRow)
      const total = pools.length
      ctx.state.response = { data: rows, pagination: { page, limit, total, totalPages: Math.ceil(total / limit) } }
    },
  }
}
