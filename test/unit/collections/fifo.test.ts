import { expect } from 'chai'
import { array, assert, constantFrom, property, record } from 'fast-check'
import { Fifo } from '../../../src/collections/fifo.ts'

const step = record({
  do: constantFrom('set', 'delete', 'look', 'take'),
  key: constantFrom('a', 'b', 'c', 'd', 'e'),
})

describe('fifo', () => {
  it('returns keys in insertion order, whatever was deleted and added again', () => {
    const holds = property(array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const fifo = new Fifo<number>()
      const model = new Map<string, number>()
      for (const [index, each] of steps.entries()) {
        const first = [...model.keys()][0]
        if (each.do === 'set') {
          fifo.set(each.key, index)
          model.set(each.key, index)
        } else if (each.do === 'delete') expect(fifo.delete(each.key)).to.equal(model.delete(each.key))
        else expect(fifo.first()).to.equal(first)
        if (each.do === 'take' && first !== undefined) {
          fifo.delete(first)
          model.delete(first)
        }
        expect(fifo.size).to.equal(model.size)
        expect([fifo.has(each.key), fifo.get(each.key)]).to.deep.equal([model.has(each.key), model.get(each.key)])
      }
      for (const key of model.keys()) {
        expect(fifo.first()).to.equal(key)
        fifo.delete(key)
      }
      expect(fifo.first()).to.equal(undefined)
    })
    assert(holds, { numRuns: 500 })
  })
})
