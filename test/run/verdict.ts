import type { StageReport } from './stage-report.ts'
import type { Stage } from './stages.ts'
import type { SuiteResult } from './suite-result.ts'

/** The expectations of the repository for its suites. */
export interface Expectations {
  /** Accepted skips: full title to reason; a title that ends with ` *` is a prefix of many. */
  skips: Record<string, string>
}

export interface Totals {
  passed: number
  failed: number
  skipped: number
}

/** The problems of a stage besides failed tests. Each counts as one failure. */
export function problemsOf({ stage, ending, result, files = [] }: StageReport, expected: Expectations): string[] {
  if (ending.is === 'blocked') return [`not run: it needs "${ending.by}", which failed`]
  const problems = endingProblems(stage, ending, result)
  if (stage.work.is !== 'suite') return problems
  if (result === undefined) return [...problems, 'it wrote no result']
  return [...problems, ...fileProblems(files, result), ...skipProblems(result, expected)]
}

function endingProblems(stage: Stage, ending: StageReport['ending'], result: SuiteResult | undefined): string[] {
  switch (ending.is) {
    case 'blocked':
      return []
    case 'broken':
      return [`it could not be started: ${ending.message}`]
    case 'timed-out':
      return [`killed: not done after ${stage.deadlineMinutes} minutes`]
    case 'killed':
      return [`ended by ${ending.signal}`]
    case 'exited':
      // Mocha's exit code is its number of failed tests: those are counted already.
      return ending.code === 0 || (result?.failed.length ?? 0) > 0 ? [] : [`exit code ${ending.code}`]
    default:
      return ending satisfies never
  }
}

/** Problems of a suite that ran: files without a test that ran. */
function fileProblems(files: readonly string[], result: SuiteResult): string[] {
  const ran = new Set([...result.passed, ...result.failed, ...result.skipped].map(({ file }) => file))
  if (ran.size === 0) return ['no test ran']
  return files.filter((file) => !ran.has(file)).map((file) => `no test of ${file} ran`)
}

/** Why a test may be skipped; undefined if the skip is not listed. */
export function reasonToSkip(title: string, { skips }: Expectations): string | undefined {
  const isMeant = (listed: string): boolean =>
    listed === title || (listed.endsWith(' *') && title.startsWith(listed.slice(0, -1)))
  return Object.entries(skips).find(([listed]) => isMeant(listed))?.[1]
}

function skipProblems(result: SuiteResult, expected: Expectations): string[] {
  const unlisted = result.skipped.filter(({ title }) => reasonToSkip(title, expected) === undefined)
  return unlisted.map(({ title }) => `skipped without a reason in test/allowed-skips.json: ${title}`)
}

/** The sums over all stages. */
export function totalsOf(reports: readonly StageReport[], expected: Expectations): Totals {
  const sum = (count: (report: StageReport) => number): number => reports.map(count).reduce((a, b) => a + b, 0)
  return {
    passed: sum(({ result }) => result?.passed.length ?? 0),
    failed: sum((report) => (report.result?.failed.length ?? 0) + problemsOf(report, expected).length),
    skipped: sum(({ result }) => result?.skipped.length ?? 0),
  }
}
