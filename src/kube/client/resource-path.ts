import type { KubeObject, Resource } from '../../api/object.ts'

/** Where an object is; `namespace` is empty for cluster-wide ones. */
export interface ObjectKey {
  namespace: string
  name: string
}

/** The parts of a `namespace/name` key. */
export function splitKey(key: string): ObjectKey {
  const slash = key.indexOf('/')
  return { namespace: key.slice(0, Math.max(slash, 0)), name: key.slice(slash + 1) }
}

/** The URL path of a collection, an object or a subresource; an empty namespace means cluster-wide. */
export function resourcePath<T extends KubeObject>(
  resource: Resource<T>,
  namespace: string | undefined,
  name?: string,
  subresource?: string,
): string {
  const { group, version, plural } = resource
  const root = group === '' ? `/api${segment(version)}` : `/apis${segment(group)}${segment(version)}`
  const within = namespace === undefined || namespace === '' ? '' : `/namespaces${segment(namespace)}`
  return `${root}${within}${segment(plural)}${segment(name)}${segment(subresource)}`
}

/**
 * A slash and one path segment, if there is one; a name that would leave its place in the path is a programming error,
 * not a request.
 */
function segment(text: string | undefined): string {
  if (text === undefined) return ''
  if (text === '' || text === '.' || text === '..') throw new TypeError(`not a path segment: "${text}"`)
  return `/${encodeURIComponent(text)}`
}

/** A request in RBAC's words, for metrics: bounded, without names. */
export function describeRequest(method: string, path: string, watch: boolean): { verb: string; resource: string } {
  const parts = path.split('/').filter((part) => part !== '')
  const afterGroup = parts.slice(parts[0] === 'api' ? 2 : 3)
  const inNamespace = afterGroup[0] === 'namespaces' && afterGroup.length > 2
  const [plural, name, subresource] = inNamespace ? afterGroup.slice(2) : afterGroup
  if ((parts[0] !== 'api' && parts[0] !== 'apis') || plural === undefined)
    return { verb: method.toLowerCase(), resource: '' }
  const resource = subresource === undefined ? plural : `${plural}/${subresource}`
  return { verb: verbOf(method, name !== undefined, watch), resource }
}

const verbs: Record<string, string> = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' }

function verbOf(method: string, named: boolean, watch: boolean): string {
  if (watch) return 'watch'
  return verbs[method] ?? (named ? 'get' : 'list')
}
