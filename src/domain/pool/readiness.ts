import type { RunnerPool } from '../../api/runner-pool.ts'

/** The readiness of a pool's current template. */
export type PoolReadiness =
  /** It has not been tried since it was written. */
  | { is: 'unjudged' }
  | { is: 'ready' }
  /** No pod can be created from it, whatever else changes: no job starts from it. */
  | { is: 'invalid'; message: string }
  /** Admission refuses its pods: something that they need is missing, or a policy denies them. */
  | { is: 'refused'; message: string }

/** Reads a pool's Ready condition, and ignores the condition of an earlier template. */
export function readinessOf({ metadata, status }: RunnerPool): PoolReadiness {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')
  if (ready === undefined || status?.observedGeneration !== metadata.generation) return { is: 'unjudged' }
  if (ready.status === 'True') return { is: 'ready' }
  return { is: ready.reason === 'InvalidPod' ? 'invalid' : 'refused', message: ready.message }
}
