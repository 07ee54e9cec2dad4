import type { Rerun, StageReport } from './stage-report.ts'
import type { SuiteResult } from './suite-result.ts'

/** A run with more unsteady files than this fails: so many are no coincidence. */
export const MOST_UNSTEADY = 3

/** A test file that failed, and passed in a second run alone. */
export interface Unsteady {
  file: string
  /** The error of the first failed test. */
  title: string
  message: string
}

/** The reports, corrected by the second runs, and the unsteady files. */
export interface Settled {
  reports: StageReport[]
  unsteady: Unsteady[]
}

/** The files of a suite in which something failed, in the order of their first failure. */
export function failedFiles(result: SuiteResult | undefined): string[] {
  const files = (result?.failed ?? []).map(({ file }) => file)
  return [...new Set(files)].filter((file) => file !== '')
}

/** Replaces first results with second runs that passed. */
export function settle(reports: readonly StageReport[]): Settled {
  const reruns = reports.flatMap((report) => report.reruns ?? [])
  const unsteady: Unsteady[] = []
  const settled = reports.map((report) => {
    let settledReport = report
    for (const { suite, file, ending, result: second } of reruns) {
      const { result: first } = settledReport
      const failure = first?.failed.find((each) => each.file === file)
      if (suite !== report.stage.name || first === undefined || failure === undefined) continue
      if (second === undefined || !hasPassed(ending, second)) continue
      unsteady.push({ file, title: failure.title, message: failure.message })
      settledReport = mended(settledReport, replaced(first, file, second))
    }
    return settledReport
  })
  return { reports: settled, unsteady }
}

function hasPassed(ending: Rerun['ending'], { passed, failed }: SuiteResult): boolean {
  return ending.is === 'exited' && ending.code === 0 && failed.length === 0 && passed.length > 0
}

function replaced(result: SuiteResult, file: string, second: SuiteResult): SuiteResult {
  const others = <T extends { file: string }>(tests: readonly T[]): T[] => tests.filter((test) => test.file !== file)
  return {
    passed: [...others(result.passed), ...second.passed],
    failed: others(result.failed),
    skipped: [...others(result.skipped), ...second.skipped],
    files: result.files,
  }
}

/** Mocha's exit code is that of failed tests: without failures, it is 0. */
function mended(report: StageReport, result: SuiteResult): StageReport {
  const ending: StageReport['ending'] =
    report.ending.is === 'exited' ? { is: 'exited', code: result.failed.length } : report.ending
  return { ...report, result, ending }
}
