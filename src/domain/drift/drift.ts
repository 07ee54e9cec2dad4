/** Kinds of objects that the audit compares with the others. A message is Secrets with their Lease. */
export const driftKinds = ['job', 'runner', 'pod', 'message', 'log'] as const
export type DriftKind = (typeof driftKinds)[number]

/**
 * What heals a drift. A reconcile of the owner does it where a controller has that duty already; the audit itself only
 * writes metadata that is missing, and deletes what nobody owns. Nothing may be done about an object that others control.
 */
export type Remedy =
  | 'reconcile-job'
  | 'reconcile-runner'
  | 'reconcile-pod'
  | 'reconcile-message'
  | 'restore'
  | 'delete'
  | 'none'

/** An object that does not fit the others. */
export interface Drift {
  kind: DriftKind
  /** Its cache key. */
  key: string
  uid: string
  remedy: Remedy
  message: string
}
