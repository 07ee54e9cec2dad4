import type { KubeObject, Resource } from './object.ts'

/** The fields of a ConfigMap that we read and write. */
export interface ConfigMap extends KubeObject {
  data?: Record<string, string>
  /** Values in base64. */
  binaryData?: Record<string, string>
  immutable?: boolean
}

export const configMaps: Resource<ConfigMap> = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap' }
