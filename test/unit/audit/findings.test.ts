import { expect } from 'chai'
import { type Allowed, findings } from '../../../config/audit/findings.ts'

const advisory = {
  source: 1,
  name: 'ws',
  title: 'a client can exhaust the memory',
  url: 'https://github.com/advisories/GHSA-aaaa-bbbb-cccc',
  severity: 'high',
}
/** socket.io is affected through ws. */
const report = {
  auditReportVersion: 2,
  vulnerabilities: { ws: { name: 'ws', via: [advisory, advisory] }, 'socket.io': { name: 'socket.io', via: ['ws'] } },
}
const entry: Allowed = {
  advisory: 'GHSA-aaaa-bbbb-cccc',
  package: 'ws',
  reason: 'no client can send such a frame',
  until: '2027-01-31',
}
const problem = 'ws: high: a client can exhaust the memory (GHSA-aaaa-bbbb-cccc)'

describe('the audit of the packages', () => {
  const problems = (allowed: readonly Allowed[], today = '2027-01-31', from: unknown = report): unknown => {
    const outcome = findings(from, allowed, today)
    return outcome.kind === 'answered' ? outcome.problems : outcome
  }

  it('names each advisory once', () => {
    expect(problems([])).to.deep.equal([problem])
  })

  it('lets an allowed advisory pass until its day', () => {
    expect(problems([entry])).to.deep.equal([])
    expect(problems([entry], '2027-02-01')).to.deep.equal([problem])
  })

  it('does not take the entry of another package or advisory for it', () => {
    for (const other of [{ package: 'koa' }, { advisory: 'GHSA-0000-0000-0000' }]) {
      expect(problems([{ ...entry, ...other }])).to.include(problem)
    }
  })

  it('asks to remove an entry that no advisory needs', () => {
    expect(problems([entry], '2027-01-31', { vulnerabilities: {} })).to.deep.equal([
      'ws: no advisory GHSA-aaaa-bbbb-cccc any more: remove the entry',
    ])
  })

  it('says why the registry gave no report', () => {
    const refused = { message: '405 Method Not Allowed', statusCode: 405 }
    expect(problems([entry], '2027-01-31', refused)).to.deep.equal({
      kind: 'unanswered',
      reason: '405 Method Not Allowed',
    })
    expect(problems([entry], '2027-01-31', 'no JSON')).to.deep.equal({
      kind: 'unanswered',
      reason: 'npm printed no report',
    })
  })
})
