import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fixedLoopMs } from './fixed-loop.ts'
import { runStages } from './run-stages.ts'
import type { Stage } from './stages.ts'
import { summaryLines, totalsOfRun } from './summary.ts'
import { settle } from './unsteady.ts'
import type { Expectations } from './verdict.ts'

/** The file with the totals of the last run. */
const TOTALS = 'build/test-results/totals'

interface RunOptions {
  /** Ends the run early. */
  signal: AbortSignal
  /** The time limit of all stages together. */
  deadlineMs: number
  totalsFile?: string
  /** Measures the machine. */
  measure?: () => number
}

/** Runs the stages, prints the summary, and returns the exit code: 0 if all of them ran and passed. */
export async function runAll(
  stages: Stage[],
  expected: Expectations,
  print: (line: string) => void,
  { signal: stop, deadlineMs, totalsFile = TOTALS, measure = fixedLoopMs }: RunOptions,
): Promise<number> {
  const started = performance.now()
  const deadline = AbortSignal.timeout(deadlineMs)
  const signal = AbortSignal.any([stop, deadline])
  const before = measure()
  const { reports, unsteady } = settle(await runStages(stages, expected, print, signal))
  if (signal.aborted) print(`\n${deadline.aborted ? 'out of time' : 'interrupted'}: later stages did not run`)
  const run = { reports, unsteady, ms: performance.now() - started, loopMs: [before, measure()] }
  const lines = summaryLines(run, expected)
  await mkdir(dirname(totalsFile), { recursive: true })
  await writeFile(totalsFile, `${lines.at(-1)}\n`)
  lines.forEach(print)
  return totalsOfRun(run, expected).failed > 0 || signal.aborted ? 1 : 0
}
