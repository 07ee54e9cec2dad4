import type { KubeObject, Resource } from '../../../src/api/object.ts'
import type { KubeClient } from '../../../src/kube/client/client.ts'
import type { Manifest } from '../../site/manifests.ts'

const plurals: Record<string, string> = {
  CustomResourceDefinition: 'customresourcedefinitions',
  RunnerPool: 'runnerpools',
}

/** Creates an object unchanged, in the namespace of its metadata. */
export function createManifest(client: KubeClient, object: Manifest): Promise<KubeObject> {
  const [first = '', second] = object.apiVersion.split('/')
  const plural = plurals[object.kind]
  if (plural === undefined) throw new TypeError(`unknown kind: ${object.kind}`)
  const [group, version] = second === undefined ? ['', first] : [first, second]
  const resource: Resource = { group, version, plural, kind: object.kind }
  return client.create(resource, object, new AbortController().signal)
}
