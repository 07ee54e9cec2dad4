import { expect } from 'chai'
import { writtenPosition } from '../../../../src/domain/pool/position.ts'

describe('the queue position in a status', () => {
  it('is written first, and then at powers of two alone', () => {
    const written: number[] = []
    for (let position = 100; position >= 1; position -= 1) {
      const next = writtenPosition(written.at(-1), position)
      if (next !== written.at(-1)) written.push(next)
    }
    expect(written).to.deep.equal([100, 64, 32, 16, 8, 4, 2, 1])
  })

  it('is written where a power of two was skipped', () => {
    expect(writtenPosition(100, 40)).to.equal(40)
    expect(writtenPosition(40, 33)).to.equal(40)
    expect(writtenPosition(40, 31)).to.equal(31)
  })

  it('stays when others go ahead', () => {
    expect(writtenPosition(4, 50)).to.equal(4)
  })
})
