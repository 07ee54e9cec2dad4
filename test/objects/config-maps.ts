import type { KubeObject, NewObject, Resource } from '../../src/api/object.ts'

/** A minimal kind, for tests that hold for every kind. */
export interface ConfigMap extends KubeObject {
  data?: Record<string, string>
}

export const configMaps: Resource<ConfigMap> = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap' }

/** A ConfigMap to be created. */
export function newConfigMap(namespace: string, name: string, data: Record<string, string> = {}): NewObject<ConfigMap> {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data }
}

/** A ConfigMap as the API server would return it. */
export function aConfigMap(
  name: string,
  version: number,
  rest: { uid?: string; data?: Record<string, string> } = {},
): ConfigMap {
  const { uid = `uid-of-${name}`, data = {} } = rest
  const creationTimestamp = '2026-01-01T00:00:00Z'
  return { metadata: { name, namespace: 'ns', uid, resourceVersion: String(version), creationTimestamp }, data }
}
