import { expect } from 'chai'
import { PoolSlots } from '../../../../src/controllers/pool/slot-counts.ts'

describe('slots of pools', () => {
  it('are counted per pool', () => {
    const slots = new PoolSlots()
    slots.occupy('ns/a-1', 'ns/one', true)
    slots.occupy('ns/b-1', 'ns/one', false)
    slots.occupy('ns/c-1', 'ns/two', false)
    expect([slots.count('ns/one'), slots.count('ns/two'), slots.count('ns/none'), slots.startingCount]).to.deep.equal([
      2, 1, 0, 2,
    ])
  })

  it('are occupied once by a Runner, however often it is added', () => {
    const slots = new PoolSlots()
    slots.occupy('ns/a-1', 'ns/one', false)
    slots.occupy('ns/a-1', 'ns/one', false)
    slots.occupy('ns/a-1', 'ns/one', true)
    expect([slots.count('ns/one'), slots.startingCount]).to.deep.equal([1, 0])
  })

  it('move with a Runner to another pool', () => {
    const slots = new PoolSlots()
    slots.occupy('ns/a-1', 'ns/one', true)
    slots.occupy('ns/a-1', 'ns/two', true)
    expect([slots.count('ns/one'), slots.count('ns/two')]).to.deep.equal([0, 1])
  })

  it('are freed once', () => {
    const slots = new PoolSlots()
    slots.occupy('ns/a-1', 'ns/one', false)
    slots.occupy('ns/b-1', 'ns/one', false)
    slots.release('ns/a-1')
    slots.release('ns/a-1')
    slots.release('ns/never-1')
    expect([slots.count('ns/one'), slots.startingCount]).to.deep.equal([1, 1])
  })
})
