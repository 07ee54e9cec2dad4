import { readFile } from 'node:fs/promises'
import { runProcess } from './process-group.ts'
import type { Stage } from './stages.ts'
import { clearResult, outputFile, readResult, resultFile, resultFileVariable } from './suite-result.ts'
import { readableDuration } from './summary.ts'
import { type Expectations, problemsOf, type StageReport } from './verdict.ts'

const mocha = [process.execPath, 'node_modules/mocha/bin/mocha.js', '--config', 'config/mocharc.json']

/**
 * Runs the stages one after another; those marked so run beside the ones that follow, and their output is shown as a
 * whole once they have ended. A stage that fails keeps only those from running that need it.
 */
export async function runStages(
  stages: Stage[],
  expected: Expectations,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<StageReport[]> {
  const reports = new Map<string, Promise<StageReport>>()
  const shown = new Set<Promise<StageReport>>()
  const show = async (pending: Promise<StageReport>): Promise<void> => {
    if (shown.has(pending)) return
    shown.add(pending)
    const report = await pending
    if (report.stage.beside === true) print(`\n=== ${report.stage.name}: its output\n${await outputOf(report)}`)
    for (const problem of problemsOf(report, expected)) print(`=== ${report.stage.name}: ${problem}`)
    print(`=== ${report.stage.name}: ${readableDuration(report.ms)}`)
  }
  for (const stage of stages) {
    if (signal.aborted) break
    const needed = await Promise.all(stage.needs.flatMap((name) => reports.get(name) ?? []))
    const by = needed.find((report) => problemsOf(report, expected).length > 0)?.stage.name
    const aside = stage.beside === true ? ' (beside what follows)' : ''
    if (by === undefined) print(`\n=== ${stage.name}: ${stage.about}${aside}`)
    const report =
      by === undefined
        ? runStage(stage, signal)
        : Promise.resolve<StageReport>({ stage, ending: { is: 'blocked', by }, ms: 0 })
    reports.set(stage.name, report)
    if (by !== undefined || stage.beside !== true) await show(report)
  }
  for (const pending of reports.values()) await show(pending)
  return Promise.all(reports.values())
}

async function runStage(stage: Stage, signal: AbortSignal): Promise<StageReport> {
  const started = performance.now()
  const file = resultFile(stage.name)
  await clearResult(file)
  const options = {
    command: commandOf(stage),
    environment: { [resultFileVariable]: file },
    deadlineMs: stage.deadlineMinutes * 60_000,
    ...(stage.beside === true && { outputFile: outputFile(stage.name) }),
  }
  const ending = await runProcess(options, signal).catch((error: unknown) => broken(error))
  const result = stage.work.is === 'suite' ? await readResult(file) : undefined
  return { stage, ending, ms: performance.now() - started, result }
}

function outputOf({ stage }: StageReport): Promise<string> {
  return readFile(outputFile(stage.name), 'utf8').catch((error: unknown) => String(error))
}

function commandOf({ work }: Stage): string[] {
  return work.is === 'command' ? work.command : [...mocha, ...work.mochaArguments, work.files]
}

function broken(error: unknown): { is: 'broken'; message: string } {
  return { is: 'broken', message: error instanceof Error ? error.message : String(error) }
}
