import type { KubeObject, Resource } from './object.ts'

/** The fields of a Node that we read. */
export interface Node extends KubeObject {
  spec: {
    unschedulable?: boolean
    taints?: { key: string; effect: string }[]
  }
}

export const nodes: Resource<Node> = { group: '', version: 'v1', plural: 'nodes', kind: 'Node' }
