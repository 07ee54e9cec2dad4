import { randomBytes } from 'node:crypto'
import type { KubeObject, NewObject, Resource } from '../../src/api/object.ts'
import type { KubeClient } from '../../src/kube/client/client.ts'
import type { Connection } from '../../src/kube/connection/connection.ts'
import { sharedPlane } from '../site/plane.ts'

/** The namespace of one test file on the control plane that all tests of a process share. It has our kinds. */
export interface TestCluster {
  kubeconfig: string
  connection: Connection
  /** A client with an administrator's permissions. */
  client: KubeClient
  /** An existing, empty namespace for this file only. */
  namespace: string
  /** Deletes the namespace, without waiting for its end. */
  close(): Promise<void>
}

const namespaces: Resource = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace' }

/** Opens a namespace. Kill nothing here: use `startControlPlane` for that. */
export async function openCluster(): Promise<TestCluster> {
  const { controlPlane } = await sharedPlane()
  const client = controlPlane.client()
  const namespace = `test-${randomBytes(5).toString('hex')}`
  const forever = new AbortController().signal
  const labels = { 'runnerhub.dev/test': 'true' }
  const made: NewObject<KubeObject> = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } }
  await client.create(namespaces, made, forever)
  return {
    kubeconfig: controlPlane.kubeconfig,
    connection: controlPlane.connection,
    client,
    namespace,
    close: () => client.delete(namespaces, { namespace: '', name: namespace }, {}, forever),
  }
}
