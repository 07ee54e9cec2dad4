import type { KubeObject, Resource } from './object.ts'

/** A Secret as it is written. None is ever read. */
export interface Secret extends KubeObject {
  type?: string
  immutable?: boolean
  /** Base64. */
  data?: Record<string, string>
}

export const secrets: Resource<Secret> = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret' }
