/**
 * A right, in the words of RBAC. The subresources exist for this alone: nobody who holds such a right can do anything
 * with it at the API server itself.
 */
export type Permission = ResourcePermission | { verb: 'get'; path: '/metrics' }

interface ResourcePermission {
  verb: 'get' | 'list' | 'watch' | 'create' | 'update'
  resource: 'runnerjobs' | 'runners'
  subresource?: 'delegate' | 'report' | 'log' | 'heartbeat'
}

/** The rights that calls need; config/manifests/caller-roles.yaml grants them. */
export const permissions = {
  getJobs: { verb: 'get', resource: 'runnerjobs' },
  listJobs: { verb: 'list', resource: 'runnerjobs' },
  watchJobs: { verb: 'watch', resource: 'runnerjobs' },
  readLogs: { verb: 'get', resource: 'runnerjobs', subresource: 'log' },
  delegate: { verb: 'create', resource: 'runnerjobs', subresource: 'delegate' },
  report: { verb: 'update', resource: 'runnerjobs', subresource: 'report' },
  listRunners: { verb: 'list', resource: 'runners' },
  heartbeat: { verb: 'update', resource: 'runners', subresource: 'heartbeat' },
  metrics: { verb: 'get', path: '/metrics' },
} as const satisfies Record<string, Permission>

/** Whether a right is one to read. */
export function isRead({ verb }: Permission): boolean {
  return verb === 'get' || verb === 'list' || verb === 'watch'
}

/** A right for people: `create runnerjobs/delegate`. */
export function describePermission(access: Permission): string {
  if ('path' in access) return `${access.verb} ${access.path}`
  const { verb, resource, subresource } = access
  return subresource === undefined ? `${verb} ${resource}` : `${verb} ${resource}/${subresource}`
}
