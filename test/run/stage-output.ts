import { readFileSync } from 'node:fs'
import type { StageReport } from './stage-report.ts'
import type { Stage } from './stages.ts'
import { outputFile } from './suite-result.ts'
import { readableDuration } from './summary.ts'
import { type Expectations, problemsOf } from './verdict.ts'

/** Where the stages of a run appear. */
interface StageOutput {
  begins: (stage: Stage) => void
  /** Returns the report. */
  ended: (report: StageReport) => StageReport
}

/** Prints what happens to stages, and keeps back what would be printed amid the output of another one. */
export function stageOutput(expected: Expectations, print: (line: string) => void): StageOutput {
  let atTheFront: Stage | undefined
  const heldBack: StageReport[] = []
  const printReport = (report: StageReport): void => {
    const { stage, ending } = report
    if (stage.beside === true && ending.is !== 'blocked') print(`\n=== ${stage.name}: its output\n${outputOf(stage)}`)
    for (const problem of problemsOf(report, expected)) print(`=== ${stage.name}: ${problem}`)
    print(`=== ${stage.name}: ${readableDuration(report.ms)}`)
  }
  return {
    begins(stage) {
      if (stage.beside !== true) atTheFront = stage
      print(`\n=== ${stage.name}: ${stage.about}${stage.beside === true ? ' (its output follows)' : ''}`)
    },
    ended(report) {
      heldBack.push(report)
      if (atTheFront === report.stage) {
        atTheFront = undefined
        heldBack.unshift(...heldBack.splice(-1))
      }
      if (atTheFront === undefined) heldBack.splice(0).forEach(printReport)
      return report
    },
  }
}

function outputOf(stage: Stage): string {
  try {
    return readFileSync(outputFile(stage.name), 'utf8')
  } catch (error) {
    return String(error)
  }
}
