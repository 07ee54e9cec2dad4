/** Some rights: every verb on every resource of one API group. */
export interface Rights {
  group: string
  resources: readonly string[]
  verbs: readonly string[]
  /** The only object that they are for. */
  name?: string
  isClusterWide?: true
}

/** The rights that the operator's account needs, as config/manifests grants them. */
export const operatorRights: readonly Rights[] = [
  { group: 'runnerhub.dev', resources: ['runnerjobs', 'runners'], verbs: ['get', 'list', 'watch', 'create', 'delete'] },
  { group: 'runnerhub.dev', resources: ['runners'], verbs: ['update'] },
  { group: 'runnerhub.dev', resources: ['runnerjobs'], verbs: ['patch'] },
  { group: 'runnerhub.dev', resources: ['runnerpools'], verbs: ['get', 'list', 'watch'] },
  {
    group: 'runnerhub.dev',
    resources: ['runnerjobs/status', 'runners/status', 'runnerpools/status'],
    verbs: ['update'],
  },
  { group: 'runnerhub.dev', resources: ['runnerjobs/finalizers', 'runners/finalizers'], verbs: ['update'] },
  { group: '', resources: ['pods'], verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'] },
  { group: '', resources: ['pods/log'], verbs: ['get'] },
  { group: '', resources: ['configmaps'], verbs: ['get', 'list', 'watch', 'update'], name: 'runnerhub-job-totals' },
  { group: '', resources: ['configmaps'], verbs: ['get', 'list', 'create', 'delete'] },
  { group: '', resources: ['namespaces'], verbs: ['get'] },
  {
    group: 'coordination.k8s.io',
    resources: ['leases'],
    verbs: ['get', 'list', 'watch', 'create', 'update', 'delete'],
  },
  { group: '', resources: ['secrets'], verbs: ['create', 'delete'] },
  { group: 'policy', resources: ['poddisruptionbudgets'], verbs: ['get', 'list', 'create', 'patch', 'delete'] },
  { group: 'apps', resources: ['daemonsets'], verbs: ['get', 'create', 'update', 'delete'] },
  { group: 'events.k8s.io', resources: ['events'], verbs: ['list', 'create', 'patch'] },
  { group: 'authentication.k8s.io', resources: ['tokenreviews'], verbs: ['create'], isClusterWide: true },
  { group: 'authorization.k8s.io', resources: ['subjectaccessreviews'], verbs: ['create'], isClusterWide: true },
]

/** Rights that it needs only for pools with drainDeadlineSeconds. */
export const drainRights: readonly Rights[] = [
  { group: '', resources: ['nodes'], verbs: ['list', 'watch'], isClusterWide: true },
]

/** The rights that the commands of the plugin need. */
export const callerRights: readonly Rights[] = [
  { group: 'runnerhub.dev', resources: ['runnerjobs'], verbs: ['get', 'list', 'watch', 'create', 'patch'] },
  { group: 'runnerhub.dev', resources: ['runners', 'runnerpools'], verbs: ['list', 'watch'] },
  { group: '', resources: ['pods'], verbs: ['get', 'list', 'watch'] },
  { group: '', resources: ['pods/log', 'configmaps'], verbs: ['get'] },
]

/** One right: a verb on a resource. */
export interface Right {
  group: string
  resource: string
  subresource?: string
  verb: string
  name?: string
  isClusterWide?: true
}

/** All single rights of a list. */
export function eachRight(list: readonly Rights[]): Right[] {
  return list.flatMap(({ resources, verbs, ...rest }) =>
    resources.flatMap((path) =>
      verbs.map((verb) => {
        const [resource = '', subresource] = path.split('/')
        return { group: rest.group, resource, verb, ...optional({ subresource, name: rest.name }), ...wide(rest) }
      }),
    ),
  )
}

function optional(fields: { subresource: string | undefined; name: string | undefined }): Partial<Right> {
  const { subresource, name } = fields
  return { ...(subresource !== undefined && { subresource }), ...(name !== undefined && { name }) }
}

function wide({ isClusterWide }: Pick<Rights, 'isClusterWide'>): Pick<Right, 'isClusterWide'> {
  return isClusterWide === true ? { isClusterWide } : {}
}

/** A right in words: `update runnerjobs/status`. */
export function rightInWords({ verb, resource, subresource }: Right): string {
  return `${verb} ${resource}${subresource === undefined ? '' : `/${subresource}`}`
}
