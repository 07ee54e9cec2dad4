import { expect } from 'chai'
import type { Rerun, StageReport } from '../../run/stage-report.ts'
import type { Stage, Work } from '../../run/stages.ts'
import type { SuiteResult } from '../../run/suite-result.ts'
import { failedFiles, settle } from '../../run/unsteady.ts'

const work: Work = { is: 'suite', files: '', mochaArguments: [] }
const suite: Stage = { name: 'faults', about: '', deadlineMinutes: 5, needs: [], work }
const again: Stage = { ...suite, name: 'again', work: { is: 'rerun', suites: ['faults'] } }
const first: SuiteResult = {
  passed: [
    { title: 'a 1', file: 'a', ms: 1 },
    { title: 'b 1', file: 'b', ms: 1 },
  ],
  failed: [
    { title: 'a 2', file: 'a', message: 'first' },
    { title: 'a 3', file: 'a', message: 'second' },
    { title: 'c 1', file: 'c', message: 'third' },
  ],
  skipped: [{ title: 'a 4', file: 'a' }],
  files: { a: 1, b: 2, c: 3 },
}
const second: SuiteResult = {
  passed: ['a 1', 'a 2', 'a 3'].map((title) => ({ title, file: 'a', ms: 2 })),
  failed: [],
  skipped: [{ title: 'a 4', file: 'a' }],
  files: { a: 9 },
}
const good: Rerun = { suite: 'faults', file: 'a', ending: { is: 'exited', code: 0 }, result: second }
const reports = (...reruns: Rerun[]): StageReport[] => [
  { stage: suite, ending: { is: 'exited', code: 3 }, ms: 1, result: first },
  { stage: again, ending: { is: 'exited', code: 0 }, ms: 1, reruns },
]

describe('files that failed', () => {
  it('are those of the failed tests and hooks, each once, without hooks of no file', () => {
    const nowhere = { title: '"after all" hook', file: '', message: 'no' }
    expect(failedFiles({ ...first, failed: [...first.failed, nowhere] })).to.deep.equal(['a', 'c'])
    expect(failedFiles(undefined)).to.deep.equal([])
  })

  it('count as their second run if it passed, and are unsteady with their first error', () => {
    const { reports: settled, unsteady } = settle(reports(good))
    expect(unsteady).to.deep.equal([{ file: 'a', title: 'a 2', message: 'first' }])
    const [report] = settled
    expect(report?.result?.passed.map(({ title }) => title)).to.deep.equal(['b 1', 'a 1', 'a 2', 'a 3'])
    expect(report?.result?.failed.map(({ title }) => title)).to.deep.equal(['c 1'])
    expect(report?.result?.skipped).to.have.length(1)
    expect(report?.ending).to.deep.equal({ is: 'exited', code: 1 })
  })

  it('are all corrected if all second runs passed', () => {
    const other: Rerun = { ...good, file: 'c', result: { ...second, passed: [{ title: 'c 1', file: 'c', ms: 1 }] } }
    const { reports: settled, unsteady } = settle(reports(good, other))
    expect(unsteady.map(({ file }) => file)).to.deep.equal(['a', 'c'])
    expect(settled[0]?.ending).to.deep.equal({ is: 'exited', code: 0 })
  })

  const bad: Record<string, Partial<Rerun>> = {
    'failed again': { ending: { is: 'exited', code: 1 }, result: { ...second, failed: first.failed.slice(0, 1) } },
    'crashed after its tests': { ending: { is: 'killed', signal: 'SIGSEGV' } },
    'wrote no result': { result: undefined },
    'ran no test': { result: { ...second, passed: [] } },
    'was of another suite': { suite: 'e2e' },
  }
  for (const [what, rerun] of Object.entries(bad)) {
    it(`keep their first result if the second run ${what}`, () => {
      const before = reports({ ...good, ...rerun })
      expect(settle(before)).to.deep.equal({ reports: before, unsteady: [] })
    })
  }

  it('do not correct a suite that failed for another reason than its tests', () => {
    const [report, rerun] = reports(good)
    if (report === undefined || rerun === undefined) throw new Error('no report')
    const { reports: settled } = settle([{ ...report, ending: { is: 'timed-out' } }, rerun])
    expect(settled[0]?.ending).to.deep.equal({ is: 'timed-out' })
  })
})
