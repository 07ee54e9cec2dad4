import { expect } from 'chai'
import { Places } from '../../../../src/controllers/pool/slot-counts.ts'

describe('places of pools', () => {
  it('are counted for each pool alone', () => {
    const places = new Places()
    places.hold('ns/a-1', 'ns/one', true)
    places.hold('ns/b-1', 'ns/one', false)
    places.hold('ns/c-1', 'ns/two', false)
    expect([places.count('ns/one'), places.count('ns/two'), places.count('ns/none'), places.podless]).to.deep.equal([
      2, 1, 0, 2,
    ])
  })

  it('are held once by a Runner, however often that is said', () => {
    const places = new Places()
    places.hold('ns/a-1', 'ns/one', false)
    places.hold('ns/a-1', 'ns/one', false)
    places.hold('ns/a-1', 'ns/one', true)
    expect([places.count('ns/one'), places.podless]).to.deep.equal([1, 0])
  })

  it('move with a Runner to another pool', () => {
    const places = new Places()
    places.hold('ns/a-1', 'ns/one', true)
    places.hold('ns/a-1', 'ns/two', true)
    expect([places.count('ns/one'), places.count('ns/two')]).to.deep.equal([0, 1])
  })

  it('are freed once', () => {
    const places = new Places()
    places.hold('ns/a-1', 'ns/one', false)
    places.hold('ns/b-1', 'ns/one', false)
    places.free('ns/a-1')
    places.free('ns/a-1')
    places.free('ns/never-1')
    expect([places.count('ns/one'), places.podless]).to.deep.equal([1, 1])
  })
})
