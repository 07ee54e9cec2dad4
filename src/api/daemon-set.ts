import type { Json } from './json.ts'
import type { KubeObject, Resource } from './object.ts'

/** The fields of a DaemonSet that we write and read. */
export interface DaemonSet extends KubeObject {
  spec: {
    selector: { matchLabels: Record<string, string> }
    updateStrategy: Json
    template: { metadata: { labels: Record<string, string> }; spec: Json }
  }
  status?: {
    observedGeneration?: number
    /** How many nodes are to run its pod. */
    desiredNumberScheduled?: number
  }
}

export const daemonSets: Resource<DaemonSet> = { group: 'apps', version: 'v1', plural: 'daemonsets', kind: 'DaemonSet' }
