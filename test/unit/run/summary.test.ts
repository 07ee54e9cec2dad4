import { expect } from 'chai'
import { summaryLines } from '../../run/summary.ts'

describe('the summary of a run', () => {
  it('tells how long all of it took, and the totals alone in the last line', () => {
    const lines = summaryLines([], { counts: {}, skips: {} }, 29 * 60_000 + 59_000)
    expect(lines.slice(-2)).to.deep.equal(['All of it took 29 min 59 s.', '0 passed, 0 failed, 0 skipped'])
  })
})
