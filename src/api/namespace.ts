import type { Resource } from './object.ts'

/** Only the metadata of a namespace is read: it shows whether the namespace is being deleted. */
export const namespaces: Resource = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace' }
