import { globSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { relative } from 'node:path'
import { type Ending, runProcess } from './process-group.ts'
import type { Rerun, StageReport } from './stage-report.ts'
import type { Stage, Suite } from './stages.ts'
import { clearResult, outputFile, readResult, resultFile, resultFileVariable } from './suite-result.ts'
import { readableDuration } from './summary.ts'
import { failedFiles, MOST_UNSTEADY } from './unsteady.ts'
import { type Expectations, problemsOf } from './verdict.ts'

const mocha = [process.execPath, 'node_modules/mocha/bin/mocha.js', '--config', 'config/mocharc.json']

/**
 * Runs the stages one after another. A stage marked `beside` runs in parallel with the following ones, and its output is
 * printed at its end. A failed stage blocks only the stages that need it.
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
    const earlier = [...stage.needs, ...(stage.after ?? []), ...(stage.work.is === 'rerun' ? stage.work.suites : [])]
    for (const pending of earlier.flatMap((name) => reports.get(name) ?? [])) await show(pending)
    const needed = await Promise.all(stage.needs.flatMap((name) => reports.get(name) ?? []))
    const by = needed.find((report) => problemsOf(report, expected).length > 0)?.stage.name
    const aside = stage.beside === true ? ' (beside what follows)' : ''
    if (by === undefined) print(`\n=== ${stage.name}: ${stage.about}${aside}`)
    const report = by === undefined ? runStage(stage, reports, print, signal) : blocked(stage, by)
    reports.set(stage.name, report)
    if (by !== undefined || stage.beside !== true) await show(report)
  }
  for (const pending of reports.values()) await show(pending)
  return Promise.all(reports.values())
}

async function runStage(
  stage: Stage,
  reports: ReadonlyMap<string, Promise<StageReport>>,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<StageReport> {
  const { work } = stage
  switch (work.is) {
    case 'command': {
      const started = performance.now()
      const ending = await runCommand(stage, { command: work.command }, signal)
      return { stage, ending, ms: performance.now() - started }
    }
    case 'suite':
      return runSuite(stage, work, signal)
    case 'rerun': {
      const suites = await Promise.all(work.suites.flatMap((name) => reports.get(name) ?? []))
      return rerunFailed(stage, suites, print, signal)
    }
    default:
      return work satisfies never
  }
}

async function runSuite(stage: Stage, { files, mochaArguments }: Suite, signal: AbortSignal): Promise<StageReport> {
  const started = performance.now()
  const file = resultFile(stage.name)
  await clearResult(file)
  const command = [...mocha, ...mochaArguments, files]
  const ending = await runCommand(stage, { command, environment: { [resultFileVariable]: file } }, signal)
  const ms = performance.now() - started
  return { stage, ending, ms, result: await readResult(file), files: filesOf(files) }
}

/** Runs every failed file of these suites once more alone, unless there are too many. */
async function rerunFailed(
  stage: Stage,
  suites: readonly StageReport[],
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<StageReport> {
  const started = performance.now()
  const failed = suites.flatMap(({ stage: suite, result }) => {
    const { work } = suite
    return work.is === 'suite' ? failedFiles(result).map((file) => ({ suite: suite.name, work, file })) : []
  })
  const reruns: Rerun[] = []
  if (failed.length > MOST_UNSTEADY) print(`${failed.length} files failed: too many to be run once more`)
  else
    for (const { suite, work, file } of failed) {
      if (signal.aborted) break
      print(`--- ${file}`)
      const once = { ...stage, name: `${suite}-again-${reruns.length + 1}` }
      const { ending, result } = await runSuite(once, { ...work, files: file }, signal)
      if (ending.is !== 'blocked') reruns.push({ suite, file, ending, result })
    }
  return { stage, ending: { is: 'exited', code: 0 }, ms: performance.now() - started, reruns }
}

async function runCommand(
  stage: Stage,
  { command, environment = {} }: { command: string[]; environment?: NodeJS.ProcessEnv },
  signal: AbortSignal,
): Promise<Ending | { is: 'broken'; message: string }> {
  const options = {
    command,
    environment,
    deadlineMs: stage.deadlineMinutes * 60_000,
    ...(stage.beside === true && { outputFile: outputFile(stage.name) }),
  }
  return runProcess(options, signal).catch((error: unknown) => broken(error))
}

function filesOf(pattern: string): string[] {
  return globSync(pattern).map((file) => relative(process.cwd(), file))
}

function outputOf({ stage }: StageReport): Promise<string> {
  return readFile(outputFile(stage.name), 'utf8').catch((error: unknown) => String(error))
}

async function blocked(stage: Stage, by: string): Promise<StageReport> {
  return { stage, ending: { is: 'blocked', by }, ms: 0 }
}

function broken(error: unknown): { is: 'broken'; message: string } {
  return { is: 'broken', message: error instanceof Error ? error.message : String(error) }
}
