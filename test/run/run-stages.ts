import { globSync } from 'node:fs'
import { relative } from 'node:path'
import { type Ending, runProcess } from './process-group.ts'
import { stageOutput } from './stage-output.ts'
import type { Rerun, StageReport } from './stage-report.ts'
import type { Stage, Suite } from './stages.ts'
import { clearResult, outputFile, readResult, resultFile, resultFileVariable } from './suite-result.ts'
import { failedFiles, MOST_UNSTEADY } from './unsteady.ts'
import { type Expectations, problemsOf } from './verdict.ts'

const mocha = [process.execPath, 'node_modules/mocha/bin/mocha.js', '--config', 'config/mocharc.json']

/**
 * Runs each stage as soon as the stages that it waits for have ended. Stages without `beside` also wait for each other:
 * their output appears at once. The output of a stage beside them is printed when it has ended and none of them runs.
 * A failed stage blocks only the stages that need it.
 */
export async function runStages(
  stages: Stage[],
  expected: Expectations,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<StageReport[]> {
  const reports = new Map<string, Promise<StageReport | undefined>>()
  const reportsOf = async (names: readonly string[]): Promise<StageReport[]> => {
    const found = await Promise.all(names.flatMap((name) => reports.get(name) ?? []))
    return found.filter((report) => report !== undefined)
  }
  const show = stageOutput(expected, print)
  const run = async (stage: Stage, turn: Promise<unknown>): Promise<StageReport | undefined> => {
    const suites = stage.work.is === 'rerun' ? await reportsOf(stage.work.suites) : []
    const needed = await reportsOf(stage.needs)
    await reportsOf(stage.after ?? [])
    await turn
    if (signal.aborted) return undefined
    const by = needed.find((report) => problemsOf(report, expected).length > 0)?.stage.name
    if (by !== undefined) return show.ended(blocked(stage, by))
    show.begins(stage)
    return show.ended(await runStage(stage, suites, print, signal))
  }
  let turn: Promise<unknown> = Promise.resolve()
  for (const stage of stages) {
    const report = run(stage, stage.beside === true ? Promise.resolve() : turn)
    reports.set(stage.name, report)
    if (stage.beside !== true) turn = report
  }
  return reportsOf([...reports.keys()])
}

async function runStage(
  stage: Stage,
  suites: readonly StageReport[],
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
    case 'rerun':
      return rerunFailed(stage, suites, print, signal)
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

function blocked(stage: Stage, by: string): StageReport {
  return { stage, ending: { is: 'blocked', by }, ms: 0 }
}

function broken(error: unknown): { is: 'broken'; message: string } {
  return { is: 'broken', message: error instanceof Error ? error.message : String(error) }
}
