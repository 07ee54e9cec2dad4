import type { KubeObject, Resource } from './object.ts'

/** The fields of a PodDisruptionBudget that we write. */
export interface PodDisruptionBudget extends KubeObject {
  spec: {
    minAvailable: number
    selector: { matchLabels: Record<string, string> }
  }
}

export const podDisruptionBudgets: Resource<PodDisruptionBudget> = {
  group: 'policy',
  version: 'v1',
  plural: 'poddisruptionbudgets',
  kind: 'PodDisruptionBudget',
}
