import { expect } from 'chai'
import { PoolSlots, type Slot } from '../../../../src/controllers/pool/slot-counts.ts'

function inPool(poolKey: string, given: Partial<Slot>): Slot {
  return { poolKey, repository: 'o/r', hasPod: true, isRunning: false, ...given }
}

describe('slots of pools', () => {
  it('are counted per pool', () => {
    const slots = new PoolSlots()
    slots.occupy('ns/a-1', inPool('ns/one', { hasPod: true }))
    slots.occupy('ns/b-1', inPool('ns/one', { hasPod: false }))
    slots.occupy('ns/c-1', inPool('ns/two', { hasPod: false }))
    expect([slots.count('ns/one'), slots.count('ns/two'), slots.count('ns/none'), slots.startingCount]).to.deep.equal([
      2, 1, 0, 2,
    ])
  })

  it('are occupied once by a Runner, however often it is added', () => {
    const slots = new PoolSlots()
    slots.occupy('ns/a-1', inPool('ns/one', { hasPod: false }))
    slots.occupy('ns/a-1', inPool('ns/one', { hasPod: false }))
    slots.occupy('ns/a-1', inPool('ns/one', { hasPod: true }))
    expect([slots.count('ns/one'), slots.startingCount]).to.deep.equal([1, 0])
  })

  it('move with a Runner to another pool', () => {
    const slots = new PoolSlots()
    slots.occupy('ns/a-1', inPool('ns/one', { hasPod: true }))
    slots.occupy('ns/a-1', inPool('ns/two', { hasPod: true }))
    expect([slots.count('ns/one'), slots.count('ns/two')]).to.deep.equal([0, 1])
  })

  it('are freed once', () => {
    const slots = new PoolSlots()
    slots.occupy('ns/a-1', inPool('ns/one', { hasPod: false }))
    slots.occupy('ns/b-1', inPool('ns/one', { hasPod: false }))
    slots.release('ns/a-1')
    slots.release('ns/a-1')
    slots.release('ns/never-1')
    expect([slots.count('ns/one'), slots.startingCount]).to.deep.equal([1, 1])
  })

  it('are counted per repository of a pool, and by whether their job runs', () => {
    const slots = new PoolSlots()
    slots.occupy('ns/a-1', inPool('ns/one', { repository: 'o/x' }))
    slots.occupy('ns/b-1', inPool('ns/one', { repository: 'o/x', isRunning: true }))
    slots.occupy('ns/c-1', inPool('ns/one', { repository: 'o/y' }))
    slots.occupy('ns/d-1', inPool('ns/two', { repository: 'o/x' }))
    expect([slots.countOf('ns/one', 'o/x'), slots.countOf('ns/two', 'o/x'), slots.runningIn('ns/one')]).to.deep.equal([
      2, 1, 1,
    ])
    slots.release('ns/b-1')
    expect([slots.countOf('ns/one', 'o/x'), slots.runningIn('ns/one')]).to.deep.equal([1, 0])
    expect(Object.fromEntries(slots.repositoriesIn('ns/one'))).to.deep.equal({ 'o/x': 1, 'o/y': 1 })
  })
})
