import type { RunnerPool } from '../../api/runner-pool.ts'

/** What is known of a pool's template as it is now. */
export type PoolReadiness =
  /** Nobody has tried it since it was written. */
  | { is: 'unjudged' }
  | { is: 'ready' }
  /** No pod can be made of it, whatever else changes: no job starts from it. */
  | { is: 'invalid'; message: string }
  /** Admission refuses its pods: what they need may be missing, or against a policy. */
  | { is: 'refused'; message: string }

/** Reads a pool's Ready condition; one that is about an earlier template says nothing. */
export function readinessOf({ metadata, status }: RunnerPool): PoolReadiness {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')
  if (ready === undefined || status?.observedGeneration !== metadata.generation) return { is: 'unjudged' }
  if (ready.status === 'True') return { is: 'ready' }
  return { is: ready.reason === 'InvalidPod' ? 'invalid' : 'refused', message: ready.message }
}
