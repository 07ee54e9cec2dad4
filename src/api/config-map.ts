import type { KubeObject, Resource } from './object.ts'

/** The slice of a ConfigMap that is read and written. */
export interface ConfigMap extends KubeObject {
  data?: Record<string, string>
}

export const configMaps: Resource<ConfigMap> = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap' }
