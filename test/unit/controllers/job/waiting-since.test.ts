import { expect } from 'chai'
import { Lasting } from '../../../../src/controllers/job/waiting-since.ts'
import { HandClock } from '../../../observe/clock.ts'

describe('how long a job has wanted the same', () => {
  it('counts from the first time, each for itself', async () => {
    const clock = new HandClock()
    const lasting = new Lasting(clock)
    expect(lasting.ageMs('a', 'PoolFull')).to.equal(0)
    await clock.advance(400)
    expect(lasting.ageMs('b', 'PoolFull')).to.equal(0)
    await clock.advance(600)
    expect([lasting.ageMs('a', 'PoolFull'), lasting.ageMs('b', 'PoolFull')]).to.deep.equal([1000, 600])
  })

  it('begins anew with another wish, and after it was forgotten', async () => {
    const clock = new HandClock()
    const lasting = new Lasting(clock)
    lasting.ageMs('a', 'PoolFull')
    await clock.advance(400)
    expect(lasting.ageMs('a', 'Unschedulable')).to.equal(0)
    await clock.advance(400)
    lasting.forget('a')
    expect(lasting.ageMs('a', 'Unschedulable')).to.equal(0)
  })
})
