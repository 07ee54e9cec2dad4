import type { Condition } from '../api/object.ts'

/** The condition of a running job whose node is being drained. Its time is that from which the deadline counts. */
export const NODE_DRAINING = 'NodeDraining'

/**
 * Text for a status field, cut to the length that the CRD accepts. It never splits a surrogate pair: the API server
 * stores a replacement character for half of one, and the status would differ from the wanted one at every reconcile.
 */
export function shorten(text: string, longest = 1024): string {
  if (text.length <= longest) return text
  return `${text.slice(0, longest - 1).replace(/[\uD800-\uDBFF]$/, '')}…`
}

/**
 * The list with one condition set. lastTransitionTime moves when status or reason changes: the age of a waiting job's
 * reason is what a deadline counts.
 */
export function withCondition(
  list: readonly Condition[] | undefined,
  set: Omit<Condition, 'lastTransitionTime'>,
  now: Date,
): Condition[] {
  const before = (list ?? []).find(({ type }) => type === set.type)
  const same = before?.status === set.status && before.reason === set.reason
  const next = { ...set, lastTransitionTime: same ? before.lastTransitionTime : now.toISOString() }
  // In its place: several writers of one list must not differ about the order.
  return before === undefined ? [...(list ?? []), next] : (list ?? []).map((each) => (each === before ? next : each))
}

/** The list without one condition. */
export function withoutCondition(list: readonly Condition[] | undefined, type: string): Condition[] {
  return (list ?? []).filter((condition) => condition.type !== type)
}
