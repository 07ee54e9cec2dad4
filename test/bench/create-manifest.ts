import { readFile } from 'node:fs/promises'
import { parseAllDocuments } from 'yaml'
import type { KubeObject, NewObject, Resource } from '../../src/api/object.ts'
import type { KubeClient } from '../../src/kube/client.ts'

/** A manifest's object, before it is created. */
export type Manifest = NewObject<KubeObject> & Record<string, unknown>

const plurals: Record<string, string> = {
  CustomResourceDefinition: 'customresourcedefinitions',
  RunnerPool: 'runnerpools',
}

/** The objects of a YAML file of the repository. */
export async function readManifests(path: string): Promise<Manifest[]> {
  const text = await readFile(new URL(`../../${path}`, import.meta.url), 'utf8')
  const objects: unknown[] = []
  for (const document of parseAllDocuments(text)) objects.push(document.toJSON())
  return objects.filter(isManifest)
}

/** The repository's own manifests are objects; the API server judges what is in them. */
function isManifest(value: unknown): value is Manifest {
  return typeof value === 'object' && value !== null
}

/** Creates an object as it stands; where it goes, its metadata says. */
export function createManifest(client: KubeClient, object: Manifest): Promise<KubeObject> {
  const [first = '', second] = object.apiVersion.split('/')
  const plural = plurals[object.kind]
  if (plural === undefined) throw new TypeError(`no plural known of ${object.kind}`)
  const [group, version] = second === undefined ? ['', first] : [first, second]
  const resource: Resource = { group, version, plural, kind: object.kind }
  return client.create(resource, object, new AbortController().signal)
}
