import type { Ending } from './process-group.ts'
import type { Stage } from './stages.ts'
import type { SuiteResult } from './suite-result.ts'

/** What became of a stage; a suite that wrote no result has none. */
export interface StageReport {
  stage: Stage
  ending: Ending | { is: 'blocked'; by: string } | { is: 'broken'; message: string }
  ms: number
  result?: SuiteResult | undefined
  /** Every test file that a suite has. */
  files?: readonly string[]
  /** What a stage found that runs failed files once more. */
  reruns?: readonly Rerun[]
}

/** A test file that failed in its suite, and what came of it when it was run once more by itself. */
export interface Rerun {
  suite: string
  file: string
  ending: Ending | { is: 'broken'; message: string }
  result: SuiteResult | undefined
}
