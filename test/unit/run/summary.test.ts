import { expect } from 'chai'
import type { Stage, Work } from '../../run/stages.ts'
import { summaryLines, totalsOfRun } from '../../run/summary.ts'
import type { Unsteady } from '../../run/unsteady.ts'

const work: Work = { is: 'suite', files: '', mochaArguments: [] }
const stage: Stage = { name: 'faults', about: '', deadlineMinutes: 5, needs: [], work }
const unsteady = (count: number): Unsteady[] =>
  Array.from({ length: count }, (_, index) => ({ file: `${index}.test.ts`, title: 'a b', message: 'no\nmore' }))

describe('the summary of a run', () => {
  it('ends with the duration of the fixed loop, of the whole run, and the totals alone in the last line', () => {
    const run = { reports: [], unsteady: [], ms: 29 * 60_000 + 59_000, loopMs: [1010.4, 1200] }
    const lines = summaryLines(run, { skips: {} })
    expect(lines.slice(-3)).to.deep.equal([
      'The fixed loop took 1010 ms at the begin and 1200 ms at the end.',
      'The whole run took 29 min 59 s.',
      '0 passed, 0 failed, 0 skipped',
    ])
  })

  it('gives each suite its share of the time, and its longest files first', () => {
    const files = { a: 1000, b: 90_000, c: 3000, d: 2000, e: 4000, f: 5000 }
    const result = { passed: [{ title: 't', file: 'b', ms: 1 }], failed: [], skipped: [], files }
    const report = { stage, ending: { is: 'exited', code: 0 } as const, ms: 105_000, result }
    const lines = summaryLines({ reports: [report], unsteady: [], ms: 420_000, loopMs: [1] }, { skips: {} })
    expect(lines).to.include('  ok   faults (1 min 45 s, 25 %, 1 passed, 0 failed, 0 skipped)')
    expect(lines).to.include('         longest: b 1 min 30 s, f 5.0 s, e 4.0 s, c 3.0 s, d 2.0 s')
  })

  it('lists the unsteady files and their number before the totals', () => {
    const lines = summaryLines({ reports: [], unsteady: unsteady(2), ms: 1, loopMs: [1] }, { skips: {} })
    expect(lines.slice(-4)).to.deep.equal([
      'unsteady: 0.test.ts: a b: no | more',
      'unsteady: 1.test.ts: a b: no | more',
      '2 unsteady',
      '0 passed, 0 failed, 0 skipped',
    ])
  })

  it('counts more than three unsteady files as a failure', () => {
    expect(totalsOfRun({ reports: [], unsteady: unsteady(3) }, { skips: {} }).failed).to.equal(0)
    expect(totalsOfRun({ reports: [], unsteady: unsteady(4) }, { skips: {} }).failed).to.equal(1)
  })
})
