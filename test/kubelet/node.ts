import type { KubeObject, NewObject, Resource } from '../../src/api/object.ts'
import type { KubeClient } from '../../src/kube/client/client.ts'
import { AlreadyExists } from '../../src/kube/client/errors.ts'

export const STAND_IN_NODE = 'stand-in'

const nodes: Resource = { group: '', version: 'v1', plural: 'nodes', kind: 'Node' }

/**
 * The node that pods are bound to: without it the controller manager would collect them. It has never reported Ready,
 * so nothing notices that its kubelet is a stand-in.
 */
export async function makeNode(client: KubeClient): Promise<void> {
  const node: NewObject<KubeObject> = { apiVersion: 'v1', kind: 'Node', metadata: { name: STAND_IN_NODE } }
  await client.create(nodes, node, new AbortController().signal).catch((error: unknown) => {
    if (!(error instanceof AlreadyExists)) throw error
  })
}
