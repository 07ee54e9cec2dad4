import { runStages } from '../../run/run-stages.ts'
import type { Stage } from '../../run/stages.ts'
import { summaryLines } from '../../run/summary.ts'

/** What the tests of the runner tell this program: stages instead of the repository's own. */
export interface Samples {
  stages: Stage[]
  counts: Record<string, number>
  skips: Record<string, string>
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the tests beside this file write it
const samples = JSON.parse(process.argv[2] ?? '') as Samples
const print = (line: string): void => console.log(line)
const reports = await runStages(samples.stages, samples, print, new AbortController().signal)
summaryLines(reports, samples).forEach(print)
