import { randomBytes } from 'node:crypto'
import type { KubeObject, NewObject, Resource } from '../../src/api/object.ts'
import { KubeClient } from '../../src/kube/client/client.ts'
import { type Connection, fromKubeconfig } from '../../src/kube/connection/connection.ts'
import { command, localTool } from './command.ts'
import { startControlPlane } from './control-plane.ts'

/** The namespace of one test file in a cluster. */
export interface TestCluster {
  kubeconfig: string
  connection: Connection
  /** A client with an administrator's permissions. */
  client: KubeClient
  /** An existing, empty namespace for this file only. */
  namespace: string
  /** Whether the cluster runs pods. */
  hasNodes: boolean
  /** Deletes the namespace, without waiting for its end. */
  close(): Promise<void>
}

const namespaces: Resource = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace' }

/** The kubeconfig of the shared cluster, if it runs and responds. */
async function findShared(): Promise<string | undefined> {
  const kubeconfig = await command(localTool('cluster'), 'kubeconfig').catch(() => undefined)
  if (kubeconfig === undefined) return undefined
  const client = new KubeClient(await fromKubeconfig(kubeconfig), { userAgent: 'runnerhub-test' })
  try {
    await client.request('GET', '/readyz', {}, AbortSignal.timeout(5000))
    return kubeconfig
  } catch {
    return undefined
  } finally {
    await client.close()
  }
}

/**
 * The shared cluster if it runs, or else a control plane for this file; a test that needs running pods must check
 * `hasNodes`. Kill nothing here: use `startControlPlane` for that.
 */
export async function openCluster(): Promise<TestCluster> {
  const shared = await findShared()
  const own = shared === undefined ? await startControlPlane() : undefined
  const kubeconfig = shared ?? own?.kubeconfig ?? ''
  const connection = await fromKubeconfig(kubeconfig)
  const client = new KubeClient(connection, { userAgent: 'runnerhub-test' })
  const namespace = `test-${randomBytes(5).toString('hex')}`
  const forever = new AbortController().signal
  const labels = { 'runnerhub.dev/test': 'true' }
  const made: NewObject<KubeObject> = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } }
  await client.create(namespaces, made, forever)
  return {
    kubeconfig,
    connection,
    client,
    namespace,
    hasNodes: own === undefined,
    async close() {
      await client.delete(namespaces, { namespace: '', name: namespace }, {}, forever)
      await client.close()
      await own?.stop()
    },
  }
}
