import { expect } from 'chai'
import { ConcurrencyLimit } from '../../../src/auth/concurrency-limit.ts'

describe('what a caller may have open', () => {
  it('is so much for each, and again when one ends, however often its end is told', () => {
    const places = new ConcurrencyLimit(2)
    const first = places.enter('a')
    expect([places.enter('a'), places.enter('b')].every((leave) => leave !== undefined)).to.equal(true)
    expect(places.enter('a')).to.equal(undefined)
    expect(places.hasRoom('a')).to.equal(false)
    first?.()
    first?.()
    expect(places.enter('a')).to.not.equal(undefined)
    expect(places.enter('a')).to.equal(undefined)
  })
})
