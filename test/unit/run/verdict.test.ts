import { expect } from 'chai'
import type { StageReport } from '../../run/stage-report.ts'
import type { Stage } from '../../run/stages.ts'
import type { SuiteResult } from '../../run/suite-result.ts'
import { type Expectations, problemsOf, totalsOf } from '../../run/verdict.ts'

const suite: Stage = {
  name: 'unit',
  about: '',
  deadlineMinutes: 5,
  needs: [],
  work: { is: 'suite', files: '', mochaArguments: [] },
}
const command: Stage = { ...suite, name: 'check', work: { is: 'command', command: ['make', 'check'] } }
const good: SuiteResult = {
  passed: [{ title: 'a', file: 'a.test.ts', ms: 1 }],
  failed: [],
  skipped: [],
  files: {},
}
const withFailure: SuiteResult = { ...good, failed: [{ title: 'b', file: 'b.test.ts', message: 'no' }] }
const withSkip: SuiteResult = { ...good, skipped: [{ title: 's', file: 'a.test.ts' }] }
const expected: Expectations = { skips: {} }
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
    'a file of which no test ran',
    { stage: suite, ending: exited(0), ms: 1, result: good, files: ['a.test.ts', 'b.test.ts'] },
    expected,
    ['no test of b.test.ts ran'],
  ],
  [
    'a file of which all tests are skipped or failed',
    {
      stage: suite,
      ending: exited(1),
      ms: 1,
      result: { ...withFailure, skipped: [{ title: 's', file: 'c.test.ts' }] },
      files: ['a.test.ts', 'b.test.ts', 'c.test.ts'],
    },
    { skips: { s: 'why' } },
    [],
  ],
  [
    'no test at all',
    { stage: suite, ending: exited(0), ms: 1, result: { passed: [], failed: [], skipped: [], files: {} } },
    expected,
    ['no test ran'],
  ],
  ['a listed skip', { stage: suite, ending: exited(0), ms: 1, result: withSkip }, { skips: { s: 'why' } }, []],
  [
    'a skip whose title has a listed prefix',
    {
      stage: suite,
      ending: exited(0),
      ms: 1,
      result: { ...good, skipped: [{ title: 'the whole suite is skipped', file: 'a.test.ts' }] },
    },
    { skips: { 'the whole suite *': 'why' } },
    [],
  ],
  [
    'a skip whose title only resembles the prefix',
    {
      stage: suite,
      ending: exited(0),
      ms: 1,
      result: { ...good, skipped: [{ title: 'the wholesale', file: 'a.test.ts' }] },
    },
    { skips: { 'the whole *': 'why' } },
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
