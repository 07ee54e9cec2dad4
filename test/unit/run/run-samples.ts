import { runAll } from '../../run/run-all.ts'
import type { Stage } from '../../run/stages.ts'

/** The input from the tests of the runner: stages that replace the repository's own. */
export interface Samples {
  stages: Stage[]
  skips: Record<string, string>
  totalsFile: string
  deadlineMs?: number
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the tests beside this file write it
const { stages, totalsFile, deadlineMs = 60_000, ...expected } = JSON.parse(process.argv[2] ?? '') as Samples
const { signal } = new AbortController()
// The loop itself is not what these tests are about.
const options = { signal, deadlineMs, totalsFile, measure: () => 1234 }
process.exitCode = await runAll(stages, expected, (line) => console.log(line), options)
