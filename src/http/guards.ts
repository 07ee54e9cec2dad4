import type { Authorizer } from '../auth/authority.ts'
import type { Caches } from '../cluster/caches.ts'
import type { Clock } from '../kube/runtime/clock.ts'
import type { Log } from '../kube/runtime/logger.ts'
import type { FacadeMiddleware } from './context.ts'
import { markMutation } from './middleware/audit.ts'
import type { rateLimits } from './middleware/rate-limit.ts'
import type { shedding } from './middleware/shedding.ts'
import { reauthorise } from './middleware/reauthorise.ts'
import { setRouteName } from './middleware/request-metrics.ts'
import { requirePermission } from './middleware/require-auth.ts'
import { syncedCaches } from './middleware/synced-caches.ts'
import type { Route } from './routes.ts'

interface GuardOptions {
  authority: Authorizer
  caches: Caches
  clock: Clock
  log: Log
  /** How often the permission of a caller whose response goes on is checked again. */
  reauthoriseMs: number
  limited: ReturnType<typeof rateLimits>
  shed: ReturnType<typeof shedding>
  /** Lets known callers through. */
  known: FacadeMiddleware
}

/**
 * The middleware before a route's handler: rate limit, overload, token, permission, synced caches, and for reads that go on the
 * same permission again. A request rejected by the first three is not attributed to a route.
 */
export function guards(route: Route, options: GuardOptions): FacadeMiddleware[] {
  const { name, method, permission } = route
  if (permission === 'open') return [setRouteName(name)]
  const first = [options.limited(route), options.shed(route), options.known, setRouteName(name)]
  if (permission === 'known') return first
  const mayPass = requirePermission(options.authority, permission)
  // Metrics are served while the caches are out of sync too: that is when they are needed most.
  if (name === 'metrics') return [...first, mayPass]
  const cached = syncedCaches(options.caches)
  if (method !== 'GET') return [...first, markMutation(name), mayPass, cached]
  return [...first, mayPass, cached, reauthorise(permission, { ...options, everyMs: options.reauthoriseMs })]
}
