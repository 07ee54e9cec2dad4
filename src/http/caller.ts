import type { Authorizer } from '../auth/authority.ts'
import { describePermission, permissions } from '../auth/permissions.ts'
import type { Handlers } from './context.ts'
import { STALE_HEADER } from './middleware/headers.ts'

/** GET /api/caller: who calls, and what the caller may do. */
export function callerHandlers(authority: Authorizer): Handlers<'caller'> {
  return {
    caller: async (ctx) => {
      const { caller } = ctx.state
      if (caller === undefined) throw new Error('no caller: requireToken must run before this handler')
      const all = Object.values(permissions)
      const reviews = await Promise.all(all.map((permission) => authority.allows(caller, permission)))
      const granted = all.filter((_, index) => reviews[index]?.value === true).map(describePermission)
      if (ctx.state.isStale === true || reviews.some(({ isStale }) => isStale)) ctx.set(STALE_HEADER, 'true')
      ctx.state.response = { data: { user: caller.user, permissions: granted } }
    },
  }
}
