import { expect } from 'chai'
import { SharedStrings } from '../../../src/collections/shared-strings.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { heapBytesOf } from '../../observe/heap.ts'

const text = (index: number): string =>
  JSON.stringify({ name: `${index} ${'x'.repeat(1000)}`, other: [{ of: 'a' }, 1, null] })

const parsed = (index: number): object => asObject(JSON.parse(text(index)))

describe('shared strings', () => {
  it('leave an object as it was', () => {
    const strings = new SharedStrings(2)
    for (const index of [1, 2, 3, 1, 2, 3]) {
      const object = strings.within(parsed(index))
      expect(object).to.deep.equal(parsed(index))
    }
  })

  it('take the memory of one of many equal ones', () => {
    const strings = new SharedStrings(10)
    const alike = (): object[] => Array.from({ length: 1000 }, (_, index) => parsed(index % 5))
    const apart = heapBytesOf(alike)
    const shared = heapBytesOf(() => alike().map((object) => strings.within(object)))
    expect(apart).to.be.above(800_000)
    expect(shared).to.be.below(300_000)
  })

  it('keep no more than twice the limit', () => {
    const strings = new SharedStrings(10)
    const kept = heapBytesOf(() => {
      for (let index = 0; index < 1000; index += 1) strings.within(parsed(index))
      return strings
    })
    expect(kept).to.be.below(50_000)
  })
})
