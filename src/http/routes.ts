import { type Access, rights } from '../auth/permissions.ts'

/** One route: what it answers to, and the right that a caller needs. */
export interface Route {
  /** One word for logs, and the key of its handler. */
  name: string
  method: 'GET' | 'POST' | 'PATCH'
  path: string
  /** 'open' is for everybody, without a token. */
  access: Access | 'open'
  /** Allowed calls do not count against the rate limit. */
  isFree?: true
}

/** Every route of the facade. What is not in this table is not served; what has no handler does not compile. */
export const routes = [
  { name: 'health', method: 'GET', path: '/health', access: 'open' },
  { name: 'livez', method: 'GET', path: '/livez', access: 'open' },
  { name: 'readyz', method: 'GET', path: '/readyz', access: 'open' },
  { name: 'document', method: 'GET', path: '/openapi.json', access: 'open' },
  { name: 'docsPage', method: 'GET', path: '/docs', access: 'open' },
  { name: 'docsFile', method: 'GET', path: '/docs/:file', access: 'open' },
  { name: 'listJobs', method: 'GET', path: '/api/jobs', access: rights.listJobs },
  { name: 'delegate', method: 'POST', path: '/api/jobs/delegate', access: rights.delegate },
  { name: 'getJob', method: 'GET', path: '/api/jobs/:id', access: rights.getJobs },
  { name: 'report', method: 'PATCH', path: '/api/jobs/:id/status', access: rights.report },
  { name: 'proxyComplete', method: 'POST', path: '/api/jobs/:id/proxy-complete', access: rights.report },
  { name: 'logs', method: 'GET', path: '/api/jobs/:id/logs', access: rights.readLogs },
  { name: 'listRunners', method: 'GET', path: '/api/runners', access: rights.listRunners },
  { name: 'heartbeat', method: 'POST', path: '/api/runners/:name/heartbeat', access: rights.heartbeat },
  { name: 'metrics', method: 'GET', path: '/api/metrics', access: rights.metrics, isFree: true },
] as const satisfies readonly Route[]

export type RouteName = (typeof routes)[number]['name']
