import { mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type RunnerPool, runnerPools } from '../../../src/api/runner-pool.ts'
import type { KubeClient } from '../../../src/kube/client/client.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { manifests } from '../../site/manifests.ts'
import { makeNamespace } from '../../site/namespace.ts'
import { createManifest } from '../measures/create-manifest.ts'

/** A namespace, and a service account with only the operator's Role. */
export interface Place {
  namespace: string
  token: string
  /** A folder with token and ca.crt, like the mount in a pod. */
  serviceAccountDirectory: string
  pool: RunnerPool
}

export interface PlaceOptions {
  namespace: string
  /** CA certificate of the API server, as PEM. */
  ca: string
  /** The parent of temporary folders. */
  directory: string
}

/** Sets up a namespace with the operator's manifests. Its pool has room for all jobs at once. */
export async function makePlace(admin: KubeClient, { namespace, ca, directory }: PlaceOptions): Promise<Place> {
  const { token } = await makeNamespace(admin, namespace)
  const [pool] = await manifests('config/manifests/default-pool.yaml')
  if (pool === undefined) throw new Error('the default pool is missing')
  const spec = { ...asObject(pool['spec']), maxRunners: 100_000 }
  await createManifest(admin, { ...pool, metadata: { ...pool.metadata, namespace }, spec })
  const serviceAccountDirectory = await mkdtemp(join(directory, 'service-account-'))
  await writeFile(join(serviceAccountDirectory, 'token'), token)
  await writeFile(join(serviceAccountDirectory, 'ca.crt'), ca)
  const forever = new AbortController().signal
  const made = await admin.get(runnerPools, { namespace, name: pool.metadata.name }, forever)
  return { namespace, token, serviceAccountDirectory, pool: made }
}
