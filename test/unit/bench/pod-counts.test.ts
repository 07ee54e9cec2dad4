import { expect } from 'chai'
import { demandOneEach } from '../../bench/stage/pod-counts.ts'

const right = { audit: 3, watch: 3, listed: 3 }

describe('the pods of a drain', () => {
  it('are passed on where every count has one for each job', () => {
    expect(demandOneEach(right, 3)).to.equal(right)
  })

  for (const way of ['audit', 'watch', 'listed'] as const) {
    for (const count of [2, 4]) {
      it(`are refused where the ${way} has ${count} of 3`, () => {
        expect(() => demandOneEach({ ...right, [way]: count }, 3)).to.throw(`"${way}":${count}`)
      })
    }
  }
})
