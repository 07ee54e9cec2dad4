/**
 * A permission, in the terms of RBAC. The subresources exist for this purpose only: such a permission allows nothing at
 * the API server itself.
 */
export type Permission = ResourcePermission | { verb: 'get'; path: '/metrics' }

interface ResourcePermission {
  verb: 'get' | 'list' | 'watch' | 'create' | 'update'
  resource: 'runnerjobs' | 'runners' | 'runnerpools'
  subresource?: 'delegate' | 'report' | 'cancel' | 'log' | 'heartbeat' | 'all'
}

/** The permissions that requests need; config/manifests/caller-roles.yaml grants them. */
export const permissions = {
  getJobs: { verb: 'get', resource: 'runnerjobs' },
  listJobs: { verb: 'list', resource: 'runnerjobs' },
  watchJobs: { verb: 'watch', resource: 'runnerjobs' },
  /** Besides the right of the request: use jobs of other callers. */
  useAllJobs: { verb: 'get', resource: 'runnerjobs', subresource: 'all' },
  readLogs: { verb: 'get', resource: 'runnerjobs', subresource: 'log' },
  delegate: { verb: 'create', resource: 'runnerjobs', subresource: 'delegate' },
  report: { verb: 'update', resource: 'runnerjobs', subresource: 'report' },
  cancel: { verb: 'update', resource: 'runnerjobs', subresource: 'cancel' },
  listRunners: { verb: 'list', resource: 'runners' },
  listPools: { verb: 'list', resource: 'runnerpools' },
  heartbeat: { verb: 'update', resource: 'runners', subresource: 'heartbeat' },
  metrics: { verb: 'get', path: '/metrics' },
} as const satisfies Record<string, Permission>

/** Whether a permission is for reads only. */
export function isRead({ verb }: Permission): boolean {
  return verb === 'get' || verb === 'list' || verb === 'watch'
}

/** A permission in readable form: `create runnerjobs/delegate`. */
export function describePermission(permission: Permission): string {
  if ('path' in permission) return `${permission.verb} ${permission.path}`
  const { verb, resource, subresource } = permission
  return subresource === undefined ? `${verb} ${resource}` : `${verb} ${resource}/${subresource}`
}
