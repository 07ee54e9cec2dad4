import { expect } from 'chai'
import { BATCH, pauseMsAfter } from '../../../../src/domain/totals/pace.ts'

describe('the pause after a batch of deletions', () => {
  it('is none after the last one', () => {
    expect([0, 1, BATCH].map(pauseMsAfter)).to.deep.equal([0, 0, 0])
  })

  it('lets a hundred jobs a second go', () => {
    expect([BATCH + 1, 1000, 10_000].map(pauseMsAfter)).to.deep.equal([1000, 1000, 1000])
  })

  it('is shorter while very many are due, so that no rate of new ones makes them more and more', () => {
    expect([20_000, 100_000].map(pauseMsAfter)).to.deep.equal([500, 100])
    let [due, seconds] = [30_000, 0]
    for (; due > 0; due -= BATCH) seconds += pauseMsAfter(due) / 1000
    expect(seconds).to.be.within(150, 250)
  })
})
