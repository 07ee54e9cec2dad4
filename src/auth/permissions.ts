/**
 * A right, in the words of RBAC. The subresources exist for this alone: nobody who holds such a right can do anything
 * with it at the API server itself.
 */
export type Access = ResourceAccess | { verb: 'get'; path: '/metrics' }

interface ResourceAccess {
  verb: 'get' | 'list' | 'watch' | 'create' | 'update'
  resource: 'runnerjobs' | 'runners'
  subresource?: 'delegate' | 'report' | 'log' | 'heartbeat'
}

/** The rights that calls need; config/manifests/caller-roles.yaml grants them. */
export const rights = {
  getJobs: { verb: 'get', resource: 'runnerjobs' },
  listJobs: { verb: 'list', resource: 'runnerjobs' },
  watchJobs: { verb: 'watch', resource: 'runnerjobs' },
  readLogs: { verb: 'get', resource: 'runnerjobs', subresource: 'log' },
  delegate: { verb: 'create', resource: 'runnerjobs', subresource: 'delegate' },
  report: { verb: 'update', resource: 'runnerjobs', subresource: 'report' },
  listRunners: { verb: 'list', resource: 'runners' },
  heartbeat: { verb: 'update', resource: 'runners', subresource: 'heartbeat' },
  metrics: { verb: 'get', path: '/metrics' },
} as const satisfies Record<string, Access>

/** Whether a right is one to read. */
export function isRead({ verb }: Access): boolean {
  return verb === 'get' || verb === 'list' || verb === 'watch'
}

/** A right for people: `create runnerjobs/delegate`. */
export function describeAccess(access: Access): string {
  if ('path' in access) return `${access.verb} ${access.path}`
  const { verb, resource, subresource } = access
  return subresource === undefined ? `${verb} ${resource}` : `${verb} ${resource}/${subresource}`
}
