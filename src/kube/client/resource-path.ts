import type { KubeObject, Resource } from '../../api/object.ts'

/** Namespace and name of an object; `namespace` is empty for a cluster-scoped one. */
export interface ObjectKey {
  namespace: string
  name: string
}

/** Splits a `namespace/name` key. */
export function splitKey(key: string): ObjectKey {
  const slash = key.indexOf('/')
  return { namespace: key.slice(0, Math.max(slash, 0)), name: key.slice(slash + 1) }
}

/** The URL path of a collection, an object or a subresource; an empty namespace means cluster-scoped. */
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
 * A slash and one path segment, or nothing for undefined. A name that would change the path is a programming error and
 * throws.
 */
function segment(text: string | undefined): string {
  if (text === undefined) return ''
  if (text === '' || text === '.' || text === '..')
    throw new TypeError(`a path segment must not be empty, "." or "..": "${text}"`)
  return `/${encodeURIComponent(text)}`
}

/** Verb and resource of a request as in RBAC, for metric labels: bounded, without names. */
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
