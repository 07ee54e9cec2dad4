import { runAll } from '../../run/run-all.ts'
import type { Stage } from '../../run/stages.ts'

/** What the tests of the runner tell this program: stages instead of the repository's own. */
export interface Samples {
  stages: Stage[]
  counts: Record<string, number>
  skips: Record<string, string>
  totalsFile: string
  deadlineMs?: number
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the tests beside this file write it
const { stages, totalsFile, deadlineMs = 60_000, ...expected } = JSON.parse(process.argv[2] ?? '') as Samples
const { signal } = new AbortController()
const options = { signal, deadlineMs, totalsFile }
process.exitCode = await runAll(stages, expected, (line) => console.log(line), options)
