import type { Node } from '../../api/node.ts'

/** Taints of autoscalers on nodes that they are about to remove: unlike kubectl, they need not mark them unschedulable. */
const removalTaints: ReadonlySet<string> = new Set([
  'ToBeDeletedByClusterAutoscaler',
  'karpenter.sh/disrupted',
  'karpenter.sh/disruption',
])

/** Whether a node is to become empty: somebody drains it, or is about to remove it. */
export function isDraining({ metadata, spec }: Node): boolean {
  if (spec.unschedulable === true || metadata.deletionTimestamp !== undefined) return true
  return (spec.taints ?? []).some(({ key }) => removalTaints.has(key))
}
