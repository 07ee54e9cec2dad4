import { expect } from 'chai'
import { steadyMessage } from '../../../src/domain/steady-message.ts'

const known = 'image x:1 cannot be pulled: dial tcp 10.0.0.1:40001: refused'

const cases: [what: string, message: string, isKept: boolean][] = [
  ['is the same', known, true],
  ['has other numbers', 'image x:1 cannot be pulled: dial tcp 10.0.0.7:51234: refused', true],
  ['lacks the cause', 'image x:1 cannot be pulled', true],
  ['has another cause', 'image x:1 cannot be pulled: no such host', false],
  ['is about another image', 'image x:2 cannot be pulled: dial tcp 10.0.0.1:40001: refused', false],
]

describe('the known message of a trouble', () => {
  for (const [what, message, isKept] of cases) {
    it(`${isKept ? 'stays' : 'goes'} when the new one ${what}`, () => {
      expect(steadyMessage(known, message)).to.equal(isKept ? known : message)
    })
  }

  it('is replaced when the new one has the cause', () => {
    expect(steadyMessage('image x:1 cannot be pulled', known)).to.equal(known)
  })

  it('is the new one if there was none', () => expect(steadyMessage(undefined, known)).to.equal(known))
})
