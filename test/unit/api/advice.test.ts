import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import {
  failureReasons,
  NO_OPERATOR,
  progressReasons,
  runnerReasons,
  waitingReasons,
} from '../../../src/api/reasons.ts'
import { adviceFor, advisedReasons } from '../../../src/api/advice.ts'

const page = readFileSync(new URL('../../../docs/troubleshooting.md', import.meta.url), 'utf8')

describe('the advice for a reason', () => {
  it('exists for every reason of a job or a Runner, and for no other word', () => {
    const reasons = [NO_OPERATOR, ...waitingReasons, ...progressReasons, ...failureReasons, ...runnerReasons]
    expect(advisedReasons.map(([reason]) => reason)).to.have.members([...new Set(reasons)])
    for (const reason of reasons) expect(adviceFor(reason)?.help).to.be.a('string')
    for (const word of ['Unknown', '', 'toString', '__proto__']) expect(adviceFor(word), word).to.equal(undefined)
  })

  it('is plain text in whole sentences, which a terminal and a page can show as it is', () => {
    for (const [reason, { meaning, help }] of advisedReasons) {
      for (const text of [meaning, help]) expect(text, reason).to.match(/^[A-Z][^`|<>*_[\]\\\n]*\.$/)
    }
  })

  it('is what docs/troubleshooting.md says, row by row', () => {
    const rows = advisedReasons.map(([reason, { meaning, help }]) => `| \`${reason}\` | ${meaning} | ${help} |`)
    const documented = page.split('\n').filter((line) => /^\| `[A-Z][A-Za-z]+` \|/.test(line))
    expect(documented, 'make these the rows of docs/troubleshooting.md').to.deep.equal(rows)
  })
})
