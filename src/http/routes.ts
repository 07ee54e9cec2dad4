import { type Permission, permissions } from '../auth/permissions.ts'

/** One route, with the permission that a caller needs. */
export interface Route {
  /** Name in logs and metrics, and the key of its handler. */
  name: string
  method: 'GET' | 'POST' | 'PATCH'
  path: string
  /** 'open' needs no token, 'known' any valid one. */
  permission: Permission | 'open' | 'known'
  /** Allowed requests do not count against the rate limit. */
  isFree?: true
  /** Served under overload too: a report would be lost, or nobody could see or end the overload. */
  isVital?: true
}

/** Every route of the facade. Only these are served; a route without a handler does not compile. */
export const routes = [
  { name: 'health', method: 'GET', path: '/health', permission: 'open' },
  { name: 'livez', method: 'GET', path: '/livez', permission: 'open' },
  { name: 'readyz', method: 'GET', path: '/readyz', permission: 'open' },
  { name: 'page', method: 'GET', path: '/', permission: 'open' },
  { name: 'pageFile', method: 'GET', path: '/page/:file', permission: 'open' },
  { name: 'document', method: 'GET', path: '/openapi.json', permission: 'open' },
  { name: 'docsPage', method: 'GET', path: '/docs', permission: 'open' },
  { name: 'docsFile', method: 'GET', path: '/docs/:file', permission: 'open' },
  { name: 'listJobs', method: 'GET', path: '/api/jobs', permission: permissions.listJobs },
  { name: 'delegate', method: 'POST', path: '/api/jobs/delegate', permission: permissions.delegate },
  { name: 'getJob', method: 'GET', path: '/api/jobs/:id', permission: permissions.getJobs },
  { name: 'report', method: 'PATCH', path: '/api/jobs/:id/status', permission: permissions.report, isVital: true },
  {
    name: 'proxyComplete',
    method: 'POST',
    path: '/api/jobs/:id/proxy-complete',
    permission: permissions.report,
    isVital: true,
  },
  { name: 'cancel', method: 'POST', path: '/api/jobs/:id/cancel', permission: permissions.cancel, isVital: true },
  { name: 'logs', method: 'GET', path: '/api/jobs/:id/logs', permission: permissions.readLogs },
  { name: 'listRunners', method: 'GET', path: '/api/runners', permission: permissions.listRunners },
  { name: 'listPools', method: 'GET', path: '/api/pools', permission: permissions.listPools },
  { name: 'caller', method: 'GET', path: '/api/caller', permission: 'known' },
  {
    name: 'heartbeat',
    method: 'POST',
    path: '/api/runners/:name/heartbeat',
    permission: permissions.heartbeat,
    isFree: true,
    isVital: true,
  },
  {
    name: 'metrics',
    method: 'GET',
    path: '/api/metrics',
    permission: permissions.metrics,
    isFree: true,
    isVital: true,
  },
] as const satisfies readonly Route[]

export type RouteName = (typeof routes)[number]['name']
