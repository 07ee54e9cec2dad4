import type { StageReport } from './stage-report.ts'
import { MOST_UNSTEADY, type Unsteady } from './unsteady.ts'
import { type Expectations, problemsOf, reasonToSkip, totalsOf, type Totals } from './verdict.ts'

/** The number of slowest files that are listed per suite. */
const SLOWEST = 5

/** The result of a whole run. */
export interface Run {
  reports: readonly StageReport[]
  unsteady: readonly Unsteady[]
  /** The duration of the run. */
  ms: number
  /** Durations of the fixed loop at the begin and at the end. */
  loopMs: readonly number[]
}

/** The totals of a run; too many unsteady files count as one more failure. */
export function totalsOfRun({ reports, unsteady }: Pick<Run, 'reports' | 'unsteady'>, expected: Expectations): Totals {
  const totals = totalsOf(reports, expected)
  return { ...totals, failed: totals.failed + (unsteady.length > MOST_UNSTEADY ? 1 : 0) }
}

/**
 * The last lines of a run: every stage and its share of the time, problems, skipped tests with reasons, unsteady files,
 * the total duration, and the totals alone in the last line.
 */
export function summaryLines(run: Run, expected: Expectations): string[] {
  const { passed, failed, skipped } = totalsOfRun(run, expected)
  return [
    '',
    'Summary',
    ...run.reports.flatMap((report) => [stageLine(report, run.ms, expected), ...detailLines(report, expected)]),
    '',
    `The fixed loop took ${run.loopMs.map((ms) => `${Math.round(ms)} ms`).join(' at the begin and ')} at the end.`,
    `The whole run took ${readableDuration(run.ms)}.`,
    ...unsteadyLines(run.unsteady),
    `${passed} passed, ${failed} failed, ${skipped} skipped`,
  ]
}

/** A duration in minutes and seconds. */
export function readableDuration(ms: number): string {
  const seconds = Math.round(ms / 1000)
  return seconds < 60 ? `${(ms / 1000).toFixed(1)} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}

function stageLine(report: StageReport, allMs: number, expected: Expectations): string {
  const { stage, result, ms } = report
  const isGood = problemsOf(report, expected).length === 0 && (result?.failed.length ?? 0) === 0
  const share = `${readableDuration(ms)}, ${Math.round((100 * ms) / Math.max(1, allMs))} %`
  const counts =
    result === undefined
      ? ''
      : `, ${result.passed.length} passed, ${result.failed.length} failed, ${result.skipped.length} skipped`
  return `  ${isGood ? 'ok  ' : 'FAIL'} ${stage.name} (${share}${counts})`
}

function detailLines(report: StageReport, expected: Expectations): string[] {
  const { failed = [], skipped = [] } = report.result ?? {}
  return [
    ...problemsOf(report, expected),
    ...failed.map(({ title, message }) => `failed: ${title}: ${shortened(message)}`),
    ...skipped.flatMap(({ title }) => listedSkip(title, reasonToSkip(title, expected))),
    ...slowestFiles(report.result?.files ?? {}),
  ].map((line) => `         ${line}`)
}

function slowestFiles(files: Record<string, number>): string[] {
  const slowest = Object.entries(files)
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, SLOWEST)
  if (slowest.length === 0) return []
  return [`longest: ${slowest.map(([file, ms]) => `${file} ${readableDuration(ms)}`).join(', ')}`]
}

function unsteadyLines(unsteady: readonly Unsteady[]): string[] {
  if (unsteady.length === 0) return []
  const tooMany = unsteady.length > MOST_UNSTEADY ? `, more than ${MOST_UNSTEADY}: the run fails` : ''
  return [
    ...unsteady.map(({ file, title, message }) => `unsteady: ${file}: ${title}: ${shortened(message)}`),
    `${unsteady.length} unsteady${tooMany}`,
  ]
}

/** The first lines of a message, in one line: the first alone often lacks the cause. */
function shortened(message: string): string {
  return message
    .split('\n')
    .slice(0, 4)
    .map((line) => line.trim())
    .join(' | ')
    .slice(0, 600)
}

function listedSkip(title: string, reason: string | undefined): string[] {
  return reason === undefined ? [] : [`skipped: ${title} (${reason})`]
}
