import { writeFileSync } from 'node:fs'
import { relative } from 'node:path'
import Mocha from 'mocha'
import { resultFileVariable, type SuiteResult } from './suite-result.ts'

const {
  EVENT_RUN_END,
  EVENT_SUITE_BEGIN,
  EVENT_SUITE_END,
  EVENT_TEST_BEGIN,
  EVENT_TEST_FAIL,
  EVENT_TEST_PASS,
  EVENT_TEST_PENDING,
} = Mocha.Runner.constants

/** Mocha's spec output, and the results as JSON for the run's summary. */
// oxlint-disable-next-line import/no-default-export -- mocha loads a reporter by its default export
export default class SpecAndJson extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options?: Mocha.MochaOptions) {
    super(runner, options)
    const result: SuiteResult = { passed: [], failed: [], skipped: [], files: {} }
    runner.on(EVENT_TEST_PASS, (test) => result.passed.push({ ...whichOf(test), ms: test.duration ?? 0 }))
    runner.on(EVENT_TEST_FAIL, (test, error: unknown) => {
      const which = whichOf(test)
      // After an uncaught error, mocha may report the end of the same test once more.
      const isKnown = result.failed.some(({ title, file }) => title === which.title && file === which.file)
      if (!isKnown) result.failed.push({ ...which, message: messageOf(error) })
    })
    runner.on(EVENT_TEST_PENDING, (test) => result.skipped.push(whichOf(test)))
    let running = { title: '', file: '' }
    runner.on(EVENT_TEST_BEGIN, (test) => (running = whichOf(test)))
    timeFiles(runner, result.files)
    const stop = (): void => {
      result.failed.push({ ...running, message: 'the suite got a stop signal while it ran, or the hooks after it' })
      write(result)
      process.exit(1)
    }
    process.once('SIGTERM', stop)
    // Written at once: the results survive a process that hangs or crashes after its tests.
    runner.once(EVENT_RUN_END, () => {
      process.off('SIGTERM', stop)
      write(result)
    })
  }
}

/** Records how long the outermost describes of each file take, with their hooks. */
function timeFiles(runner: Mocha.Runner, files: Record<string, number>): void {
  let begun = 0
  const isOutermost = (suite: Mocha.Suite): boolean => suite.parent?.root === true
  runner.on(EVENT_SUITE_BEGIN, (suite) => {
    if (isOutermost(suite)) begun = performance.now()
  })
  runner.on(EVENT_SUITE_END, (suite) => {
    if (!isOutermost(suite)) return
    const file = fromRoot(suite.file)
    files[file] = Math.round((files[file] ?? 0) + performance.now() - begun)
  })
}

function whichOf(test: Mocha.Runnable): { title: string; file: string } {
  return { title: test.fullTitle(), file: fromRoot(test.file) }
}

function fromRoot(file: string | undefined): string {
  return file === undefined ? '' : relative(process.cwd(), file)
}

function write(result: SuiteResult): void {
  const file = process.env[resultFileVariable]
  if (file !== undefined) writeFileSync(file, `${JSON.stringify(result, undefined, 2)}\n`)
}

/** Tests that ran in parallel hand over their errors as plain objects. */
function messageOf(error: unknown): string {
  const hasMessage = typeof error === 'object' && error !== null && 'message' in error
  return String(hasMessage ? error.message : error)
}
