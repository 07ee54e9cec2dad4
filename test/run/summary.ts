import { type Expectations, problemsOf, reasonToSkip, type StageReport, totalsOf } from './verdict.ts'

/**
 * The lines that end a run: every stage, what is wrong, what was skipped and why, how long all of it took, and the
 * totals alone in the last.
 */
export function summaryLines(reports: StageReport[], expected: Expectations, ms: number): string[] {
  const { passed, failed, skipped } = totalsOf(reports, expected)
  return [
    '',
    'Summary',
    ...reports.flatMap((report) => [stageLine(report, expected), ...detailLines(report, expected)]),
    '',
    `All of it took ${readableDuration(ms)}.`,
    `${passed} passed, ${failed} failed, ${skipped} skipped`,
  ]
}

/** Minutes and seconds, as people read them. */
export function readableDuration(ms: number): string {
  const seconds = Math.round(ms / 1000)
  return seconds < 60 ? `${(ms / 1000).toFixed(1)} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}

function stageLine(report: StageReport, expected: Expectations): string {
  const { stage, result, ms } = report
  const isGood = problemsOf(report, expected).length === 0 && (result?.failed.length ?? 0) === 0
  const counts =
    result === undefined
      ? ''
      : `, ${result.passed.length} passed, ${result.failed.length} failed, ${result.skipped.length} skipped`
  return `  ${isGood ? 'ok  ' : 'FAIL'} ${stage.name} (${readableDuration(ms)}${counts})`
}

function detailLines(report: StageReport, expected: Expectations): string[] {
  const { failed = [], skipped = [] } = report.result ?? {}
  return [
    ...problemsOf(report, expected),
    ...failed.map(({ title, message }) => `failed: ${title}: ${shortened(message)}`),
    ...skipped.flatMap((title) => listedSkip(title, reasonToSkip(title, expected))),
  ].map((line) => `         ${line}`)
}

/** Its first lines, in one: the first alone often says only that something failed, not what. */
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
