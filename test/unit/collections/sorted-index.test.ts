import { expect } from 'chai'
import { array, assert, boolean, integer, property, record } from 'fast-check'
import { type Moment, SortedIndex } from '../../../src/collections/sorted-index.ts'

function sorted(moments: Iterable<Moment>): Moment[] {
  return [...moments].sort((a, b) => (a.ms === b.ms ? (a.key < b.key ? -1 : 1) : a.ms - b.ms))
}

describe('SortedIndex', () => {
  const steps = array(
    record({ add: boolean(), id: integer({ min: 0, max: 2000 }), ms: integer({ min: 0, max: 50 }) }),
    {
      maxLength: 3000,
      size: 'max',
    },
  )

  it('always equals a full sort', () => {
    const holds = property(steps, integer({ min: 0, max: 50 }), (list, ms) => {
      const timeline = new SortedIndex()
      const model = new Map<string, Moment>()
      for (const step of list) {
        const key = `k${step.id}`
        const known = model.get(key)
        if (step.add && known === undefined) {
          model.set(key, { key, ms: step.ms })
          timeline.add({ key, ms: step.ms })
        } else if (!step.add && known !== undefined) {
          model.delete(key)
          expect(timeline.remove(known)).to.equal(true)
        }
      }
      const order = sorted(model.values())
      expect(timeline.size).to.equal(order.length)
      expect(timeline.slice(0, order.length)).to.deep.equal(order.map(({ key }) => key))
      expect(timeline.countBefore(ms)).to.equal(order.filter((moment) => moment.ms < ms).length)
      const [from, to] = [Math.floor(order.length / 3), Math.floor(order.length / 2)]
      expect(timeline.slice(from, to)).to.deep.equal(order.slice(from, to).map(({ key }) => key))
    })
    assert(holds, { numRuns: 30 })
  })

  it('does not remove a moment that it does not have', () => {
    const timeline = new SortedIndex()
    timeline.add({ key: 'a', ms: 1 })
    expect(timeline.remove({ key: 'a', ms: 2 })).to.equal(false)
    expect(timeline.remove({ key: 'b', ms: 1 })).to.equal(false)
    expect(timeline.slice(0, 9)).to.deep.equal(['a'])
  })
})
