import { expect } from 'chai'
import { WorkLimit } from '../../../../src/http/middleware/shedding.ts'

describe('the limit of the requests that are worked on', () => {
  const arrived = (): { complete: boolean } => ({ complete: true })

  it('refuses further ones until one has ended', () => {
    const limit = new WorkLimit(2)
    const leave = limit.enter(arrived())
    expect(limit.enter(arrived())).to.be.a('function')
    expect(limit.enter(arrived())).to.equal(undefined)
    leave?.()
    leave?.()
    expect(limit.enter(arrived())).to.be.a('function')
    expect(limit.enter(arrived())).to.equal(undefined)
  })

  it('does not count those whose body is still arriving, until it has', () => {
    const limit = new WorkLimit(2)
    const slow = Array.from({ length: 100 }, () => ({ complete: false }))
    for (const request of slow) expect(limit.enter(request)).to.be.a('function')
    expect(limit.enter(arrived())).to.be.a('function')
    for (const request of slow) request.complete = true
    expect(limit.enter(arrived())).to.equal(undefined)
  })
})
