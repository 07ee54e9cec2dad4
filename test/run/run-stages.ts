import { runProcess } from './process-group.ts'
import type { Stage } from './stages.ts'
import { clearResult, readResult, resultFile, resultFileVariable } from './suite-result.ts'
import { readableDuration } from './summary.ts'
import { type Expectations, problemsOf, type StageReport } from './verdict.ts'

const mocha = [process.execPath, 'node_modules/mocha/bin/mocha.js', '--config', 'config/mocharc.json']

/** Runs the stages one after another; one that fails keeps only those from running that need it. */
export async function runStages(
  stages: Stage[],
  expected: Expectations,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<StageReport[]> {
  const reports: StageReport[] = []
  for (const stage of stages) {
    if (signal.aborted) break
    const by = stage.needs.find((name) => isBad(reports, name, expected))
    if (by === undefined) print(`\n=== ${stage.name}: ${stage.about}`)
    const report: StageReport =
      by === undefined ? await runStage(stage, signal) : { stage, ending: { is: 'blocked', by }, ms: 0 }
    reports.push(report)
    for (const problem of problemsOf(report, expected)) print(`=== ${stage.name}: ${problem}`)
    print(`=== ${stage.name}: ${readableDuration(report.ms)}`)
  }
  return reports
}

function isBad(reports: StageReport[], name: string, expected: Expectations): boolean {
  const report = reports.find(({ stage }) => stage.name === name)
  return report !== undefined && problemsOf(report, expected).length > 0
}

async function runStage(stage: Stage, signal: AbortSignal): Promise<StageReport> {
  const started = performance.now()
  const file = resultFile(stage.name)
  await clearResult(file)
  const options = {
    command: commandOf(stage),
    environment: { [resultFileVariable]: file },
    deadlineMs: stage.deadlineMinutes * 60_000,
  }
  const ending = await runProcess(options, signal).catch((error: unknown) => broken(error))
  const result = stage.work.is === 'suite' ? await readResult(file) : undefined
  return { stage, ending, ms: performance.now() - started, result }
}

function commandOf({ work }: Stage): string[] {
  return work.is === 'command' ? work.command : [...mocha, ...work.mochaArguments, work.files]
}

function broken(error: unknown): { is: 'broken'; message: string } {
  return { is: 'broken', message: error instanceof Error ? error.message : String(error) }
}
