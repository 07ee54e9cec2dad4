import { expect } from 'chai'
import { PoolSlots } from '../../../../src/controllers/pool/slot-counts.ts'

describe('slots of pools', () => {
  it('are counted per pool', () => {
    const places = new PoolSlots()
    places.occupy('ns/a-1', 'ns/one', true)
    places.occupy('ns/b-1', 'ns/one', false)
    places.occupy('ns/c-1', 'ns/two', false)
    expect([
      places.count('ns/one'),
      places.count('ns/two'),
      places.count('ns/none'),
      places.startingCount,
    ]).to.deep.equal([2, 1, 0, 2])
  })

  it('are occupied once by a Runner, however often it is added', () => {
    const places = new PoolSlots()
    places.occupy('ns/a-1', 'ns/one', false)
    places.occupy('ns/a-1', 'ns/one', false)
    places.occupy('ns/a-1', 'ns/one', true)
    expect([places.count('ns/one'), places.startingCount]).to.deep.equal([1, 0])
  })

  it('move with a Runner to another pool', () => {
    const places = new PoolSlots()
    places.occupy('ns/a-1', 'ns/one', true)
    places.occupy('ns/a-1', 'ns/two', true)
    expect([places.count('ns/one'), places.count('ns/two')]).to.deep.equal([0, 1])
  })

  it('are freed once', () => {
    const places = new PoolSlots()
    places.occupy('ns/a-1', 'ns/one', false)
    places.occupy('ns/b-1', 'ns/one', false)
    places.release('ns/a-1')
    places.release('ns/a-1')
    places.release('ns/never-1')
    expect([places.count('ns/one'), places.startingCount]).to.deep.equal([1, 1])
  })
})
