import { expect } from 'chai'
import type { Stage } from '../../run/stages.ts'
import type { SuiteResult } from '../../run/suite-result.ts'
import { type Expectations, problemsOf, type StageReport, totalsOf } from '../../run/verdict.ts'

const suite: Stage = {
  name: 'unit',
  about: '',
  deadlineMinutes: 5,
  needs: [],
  work: { is: 'suite', files: '', mochaArguments: [] },
}
const command: Stage = { ...suite, name: 'check', work: { is: 'command', command: ['make', 'check'] } }
const good: SuiteResult = { passed: [{ title: 'a', ms: 1 }], failed: [], skipped: [] }
const withFailure: SuiteResult = { ...good, failed: [{ title: 'b', message: 'no' }] }
const withSkip: SuiteResult = { ...good, skipped: ['s'] }
const expected: Expectations = { counts: { unit: 1 }, skips: {} }
const exited = (code: number): StageReport['ending'] => ({ is: 'exited', code })

const cases: [behaviour: string, report: StageReport, expected: Expectations, problems: string[]][] = [
  ['a good suite', { stage: suite, ending: exited(0), ms: 1, result: good }, expected, []],
  ['a good command', { stage: command, ending: exited(0), ms: 1 }, expected, []],
  [
    'failed tests, which are counted as such',
    { stage: suite, ending: exited(1), ms: 1, result: withFailure },
    expected,
    [],
  ],
  [
    'a suite that fails after its tests',
    { stage: suite, ending: exited(1), ms: 1, result: good },
    expected,
    ['exit code 1'],
  ],
  ['a suite without a result', { stage: suite, ending: exited(0), ms: 1 }, expected, ['it wrote no result']],
  [
    'a crash',
    { stage: suite, ending: { is: 'killed', signal: 'SIGSEGV' }, ms: 1 },
    expected,
    ['ended by SIGSEGV', 'it wrote no result'],
  ],
  [
    'a suite that hangs after its tests',
    { stage: suite, ending: { is: 'timed-out' }, ms: 1, result: good },
    expected,
    ['killed: not done after 5 minutes'],
  ],
  [
    'too few tests',
    { stage: suite, ending: exited(0), ms: 1, result: good },
    { counts: { unit: 2 }, skips: {} },
    ['only 1 tests ran, at least 2 are expected (test/expected-counts.json)'],
  ],
  [
    'no test in a suite that nothing is known of',
    { stage: suite, ending: exited(0), ms: 1, result: { passed: [], failed: [], skipped: [] } },
    { counts: {}, skips: {} },
    ['only 0 tests ran, at least 1 are expected (test/expected-counts.json)'],
  ],
  [
    'a listed skip',
    { stage: suite, ending: exited(0), ms: 1, result: withSkip },
    { counts: {}, skips: { s: 'why' } },
    [],
  ],
  [
    'a skip whose title begins as a listed one says',
    { stage: suite, ending: exited(0), ms: 1, result: { ...good, skipped: ['the whole suite is skipped'] } },
    { counts: { unit: 1 }, skips: { 'the whole suite *': 'why' } },
    [],
  ],
  [
    'a skip whose title only resembles that',
    { stage: suite, ending: exited(0), ms: 1, result: { ...good, skipped: ['the wholesale'] } },
    { counts: { unit: 1 }, skips: { 'the whole *': 'why' } },
    ['skipped without a reason in test/allowed-skips.json: the wholesale'],
  ],
  [
    'an unlisted skip',
    { stage: suite, ending: exited(0), ms: 1, result: withSkip },
    expected,
    ['skipped without a reason in test/allowed-skips.json: s'],
  ],
  [
    'a stage whose need failed',
    { stage: suite, ending: { is: 'blocked', by: 'up' }, ms: 0 },
    expected,
    ['not run: it needs "up", which failed'],
  ],
]

describe('the verdict on a stage', () => {
  for (const [behaviour, report, expectations, problems] of cases) {
    it(behaviour, () => expect(problemsOf(report, expectations)).to.deep.equal(problems))
  }

  it('adds every problem to the failed tests', () => {
    const reports = [
      { stage: suite, ending: exited(1), ms: 1, result: withFailure },
      { stage: command, ending: exited(2), ms: 1 },
      { stage: suite, ending: exited(0), ms: 1, result: withSkip },
    ]
    expect(totalsOf(reports, expected)).to.deep.equal({ passed: 2, failed: 3, skipped: 1 })
  })
})
