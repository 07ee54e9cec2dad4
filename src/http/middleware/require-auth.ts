import type { Authorizer } from '../../auth/authority.ts'
import { bearerOf } from '../../auth/bearer.ts'
import { describePermission, isRead, type Permission } from '../../auth/permissions.ts'
import type { FacadeContext, FacadeMiddleware } from '../context.ts'
import { clusterUnavailable } from '../errors-to-http.ts'
import { HttpError } from '../http-error.ts'
import { STALE_HEADER } from './headers.ts'

/** Lets only known callers through and sets `ctx.state.caller`. The response gives no details. */
export function requireToken(authority: Authorizer): FacadeMiddleware {
  return async (ctx, next) => {
    const token = bearerOf(ctx.get('Authorization'))
    const { value: caller, isStale } = token === undefined ? unknown : await authority.callerOf(token)
    if (caller === undefined) {
      const headers = { 'WWW-Authenticate': 'Bearer' }
      throw new HttpError(401, 'Unauthorized', 'a valid bearer token is required', headers)
    }
    ctx.state.caller = caller
    if (isStale) ctx.state.isStale = true
    await next()
  }
}

const unknown = { value: undefined, isStale: false }

/** Lets only callers with a permission through. During an outage, reviews from before it count for reads only. */
export function requirePermission(authority: Authorizer, permission: Permission): FacadeMiddleware {
  return async (ctx, next) => {
    if (!(await isAllowed(ctx, authority, permission, { isReading: isRead(permission) })))
      throw new HttpError(403, 'Forbidden', `this needs the permission to ${describePermission(permission)}`)
    await next()
  }
}

/** Whether the caller of a request has a permission. 503 where only a review from before an outage says so, of a change. */
export async function isAllowed(
  ctx: Pick<FacadeContext, 'state' | 'set'>,
  authority: Authorizer,
  permission: Permission,
  { isReading }: { isReading: boolean },
): Promise<boolean> {
  const { caller } = ctx.state
  if (caller === undefined) throw new Error('no caller: requireToken must run before permissions are checked')
  const { value, isStale } = await authority.allows(caller, permission)
  if (value === undefined) return false
  if (isStale || ctx.state.isStale === true) {
    if (!isReading) throw clusterUnavailable()
    ctx.set(STALE_HEADER, 'true')
  }
  return true
}
