import { randomBytes } from 'node:crypto'
import type { KubeObject, NewObject, Resource } from '../../src/api/object.ts'
import type { KubeClient } from '../../src/kube/client/client.ts'
import { NotFound } from '../../src/kube/client/errors.ts'
import { eventually } from '../observe/eventually.ts'

export interface Thing extends KubeObject {
  spec?: { size?: number }
  status?: { phase?: string }
}

/** A resource type with a status, for a single test. */
export interface CustomKind {
  resource: Resource<Thing>
  /** Installs the kind on the API server. */
  install(client: KubeClient): Promise<void>
  remove(client: KubeClient): Promise<void>
}

const definitions: Resource = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
}
const never = new AbortController().signal

/** A kind that no other test uses; it is not served before its installation. */
export function makeCustomKind(): CustomKind {
  const group = `t${randomBytes(4).toString('hex')}.runnerhub.dev`
  const resource: Resource<Thing> = { group, version: 'v1', plural: 'things', kind: 'Thing' }
  const key = { namespace: '', name: `things.${group}` }
  return {
    resource,
    async install(client) {
      await client.create(definitions, definitionOf(resource), never)
      await eventually(() => client.listPage(resource, undefined, { limit: 1 }, never), {
        what: 'the kind to be served',
      })
    },
    async remove(client) {
      await client.delete(definitions, key, {}, never)
      const isGone = (): Promise<boolean> =>
        client.get(definitions, key, never).then(
          () => false,
          (error: unknown) => error instanceof NotFound,
        )
      await eventually(isGone, { what: 'the kind to be gone' })
    },
  }
}

function definitionOf({ group, version, plural, kind }: Resource<Thing>): NewObject<KubeObject> & { spec: unknown } {
  const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
  const schema = { openAPIV3Schema: { type: 'object', properties: { spec: anything, status: anything } } }
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural, kind },
      versions: [{ name: version, served: true, storage: true, schema, subresources: { status: {} } }],
    },
  }
}
