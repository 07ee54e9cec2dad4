import { expect } from 'chai'
import { adviceFor } from '../../../src/api/advice.ts'
import { jobResults } from '../../../src/api/runner-job.ts'
import { failureReasons } from '../../../src/api/reasons.ts'
import { endingOf, isOver } from '../../../src/proxy/job/ending.ts'

describe('how the program ends', () => {
  it('is as the Worker did, by its word or by its code', () => {
    for (const [index, result] of jobResults.entries()) {
      const code = 100 + index
      expect(endingOf({ status: 'completed', result }, 'x')).to.deep.equal({ code, lines: [] })
      expect(endingOf({ status: 'failed', exitCode: code }, 'x')).to.deep.equal({ code, lines: [] })
    }
  })

  it('is 1 for every other code of a container, since the Listener would take one of a Worker for its word', () => {
    for (const exitCode of [0, 1, 99, 106, 137]) {
      expect(endingOf({ status: 'completed', exitCode }, 'x').code, String(exitCode)).to.equal(1)
    }
  })

  for (const reason of [...failureReasons, 'Unheard']) {
    it(`is 1 with two or three plain lines for ${reason}`, () => {
      const { code, lines } = endingOf({ status: 'failed', reason, message: 'one\r\ntwo\u2028three' }, 'where')
      expect(code).to.equal(1)
      expect(lines).to.have.lengthOf(reason === 'Unheard' ? 2 : 3)
      expect(lines[0]).to.equal(
        `RunnerHub: the job is failed without a result of its runner (${reason}): one two three`,
      )
      const { meaning, help } = adviceFor(reason) ?? {}
      if (reason !== 'Unheard') expect(lines[1]).to.equal(`${meaning} ${help}`)
      expect(lines.at(-1)).to.equal('The job at the hub: where')
    })
  }

  it('is for the three final states', () => {
    const states = ['queued', 'assigned', 'running', 'completed', 'failed', 'cancelled']
    expect(states.filter((status) => isOver({ status }))).to.deep.equal(['completed', 'failed', 'cancelled'])
  })
})
