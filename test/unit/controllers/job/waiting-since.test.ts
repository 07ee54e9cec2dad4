import { expect } from 'chai'
import { WaitingSince } from '../../../../src/controllers/job/waiting-since.ts'
import { HandClock } from '../../../observe/clock.ts'

describe('the time since a job first wanted the same', () => {
  it('starts with the first time, for each job', async () => {
    const clock = new HandClock()
    const waitingSince = new WaitingSince(clock)
    expect(waitingSince.ageMs('a', 'PoolFull')).to.equal(0)
    await clock.advance(400)
    expect(waitingSince.ageMs('b', 'PoolFull')).to.equal(0)
    await clock.advance(600)
    expect([waitingSince.ageMs('a', 'PoolFull'), waitingSince.ageMs('b', 'PoolFull')]).to.deep.equal([1000, 600])
  })

  it('restarts with another value, and after it was forgotten', async () => {
    const clock = new HandClock()
    const waitingSince = new WaitingSince(clock)
    waitingSince.ageMs('a', 'PoolFull')
    await clock.advance(400)
    expect(waitingSince.ageMs('a', 'Unschedulable')).to.equal(0)
    await clock.advance(400)
    waitingSince.forget('a')
    expect(waitingSince.ageMs('a', 'Unschedulable')).to.equal(0)
  })
})
