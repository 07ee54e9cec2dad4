import { mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type RunnerPool, runnerPools } from '../../src/api/runner-pool.ts'
import type { KubeClient } from '../../src/kube/client.ts'
import { record } from '../../src/kube/parse.ts'
import { createManifest, type Manifest, readManifests } from './manifests.ts'

/** A namespace, and a service account that may do there what the operator's Role allows, and no more. */
export interface Place {
  namespace: string
  token: string
  /** A folder with token and ca.crt, as the kubelet mounts it into a pod. */
  serviceAccountDirectory: string
  pool: RunnerPool
}

export interface PlaceOptions {
  namespace: string
  /** Of the API server, as PEM. */
  ca: string
  /** Where folders may be made. */
  directory: string
}

const forever = new AbortController().signal
const manifests = ['namespace', 'service-account', 'role', 'default-pool']
const account = 'runnerhub'

/** Sets a namespace up by the product's own manifests. Its pool has room for all jobs at once. */
export async function makePlace(admin: KubeClient, { namespace, ca, directory }: PlaceOptions): Promise<Place> {
  for (const manifest of manifests) {
    for (const object of await readManifests(`config/manifests/${manifest}.yaml`)) {
      await createManifest(admin, adapted(object, namespace))
    }
  }
  // Pods are made under it; no controller runs here that would make it.
  await createManifest(admin, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } })
  const token = await tokenFor(admin, namespace)
  const serviceAccountDirectory = await mkdtemp(join(directory, 'service-account-'))
  await writeFile(join(serviceAccountDirectory, 'token'), token)
  await writeFile(join(serviceAccountDirectory, 'ca.crt'), ca)
  const pool = await admin.get(runnerPools, { namespace, name: 'default' }, forever)
  return { namespace, token, serviceAccountDirectory, pool }
}

function adapted(object: Manifest, namespace: string): Manifest {
  switch (object.kind) {
    case 'Namespace':
      return { ...object, metadata: { ...object.metadata, name: namespace } }
    case 'RoleBinding':
      return inside({ ...object, subjects: [{ kind: 'ServiceAccount', name: account, namespace }] }, namespace)
    case 'RunnerPool':
      return inside({ ...object, spec: { ...record(object['spec']), maxRunners: 100_000 } }, namespace)
    default:
      return inside(object, namespace)
  }
}

function inside(object: Manifest, namespace: string): Manifest {
  return { ...object, metadata: { ...object.metadata, namespace } }
}

async function tokenFor(admin: KubeClient, namespace: string): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3600 } }
  const answer = record(await admin.request('POST', path, { body }, forever))
  return String(record(answer['status'])['token'])
}
