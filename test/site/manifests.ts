import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import type { KubeObject, NewObject } from '../../src/api/object.ts'
import { asObject } from '../../src/kube/client/parse.ts'

const root = new URL('../../', import.meta.url).pathname

/** An object before it is created. */
export type Manifest = NewObject<KubeObject> & Record<string, unknown>

/** The objects of one YAML file of the repository. */
export async function manifests(path: string): Promise<Manifest[]> {
  const text = await readFile(join(root, path), 'utf8')
  return parseAllDocuments(text).map((document) => {
    const object: unknown = document.toJS()
    if (!isManifest(object)) throw new Error(`${path} contains a document that is not an object`)
    return object
  })
}

function isManifest(value: unknown): value is Manifest {
  const { apiVersion, kind, metadata } = asObject(value)
  return typeof apiVersion === 'string' && typeof kind === 'string' && typeof asObject(metadata)['name'] === 'string'
}
