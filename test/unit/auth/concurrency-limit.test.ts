import { expect } from 'chai'
import { ConcurrencyLimit } from '../../../src/auth/concurrency-limit.ts'

describe('what a caller has open', () => {
  it('is limited per caller, and a release frees one slot, however often it is called', () => {
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
