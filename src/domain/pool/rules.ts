import type { RunnerPool } from '../../api/runner-pool.ts'
import type { QueueRules } from './queue.ts'
import { virtualTimeOf } from './share-history.ts'

/** A waiting job makes up for one point of priority in this time. */
const AGING_MS = 60_000

/** The rules of a pool's queue. */
export function rulesOf(_pool: RunnerPool | undefined): QueueRules {
  return { timeOf: () => virtualTimeOf(1), agingMs: AGING_MS }
}
