import type { Resource } from './object.ts'

/** Of a namespace only the metadata is read, which says whether it is being deleted. */
export const namespaces: Resource = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace' }
