import type { Ending } from './process-group.ts'
import type { Stage } from './stages.ts'
import type { SuiteResult } from './suite-result.ts'

/** The result of a stage; a suite that wrote no result file has no `result`. */
export interface StageReport {
  stage: Stage
  ending: Ending | { is: 'blocked'; by: string } | { is: 'broken'; message: string }
  ms: number
  result?: SuiteResult | undefined
  /** All test files of a suite. */
  files?: readonly string[]
  /** The results of the second runs of failed files. */
  reruns?: readonly Rerun[]
}

/** A test file that failed in its suite, and the result of its second run alone. */
export interface Rerun {
  suite: string
  file: string
  ending: Ending | { is: 'broken'; message: string }
  result: SuiteResult | undefined
}
