import { expect } from 'chai'
import { IdleTimer } from '../../../../src/kube/cache/idle-timer.ts'
import { HandClock } from '../../../observe/clock.ts'

const setUp = (): { clock: HandClock; timer: IdleTimer; calls: () => number } => {
  const clock = new HandClock()
  let calls = 0
  return { clock, timer: new IdleTimer(clock, 90_000, () => (calls += 1)), calls: () => calls }
}

describe('idle timer', () => {
  it('calls back after its time without activity', async () => {
    const { clock, calls } = setUp()
    await clock.advance(89_999)
    expect(calls()).to.equal(0)
    await clock.advance(1)
    expect(calls()).to.equal(1)
  })

  it('counts from the last activity, with one timer for any number of activities', async () => {
    const { clock, timer, calls } = setUp()
    for (let second = 0; second < 89; second += 1) {
      await clock.advance(1000)
      timer.touch()
      expect(clock.timers).to.equal(1)
    }
    await clock.advance(89_999)
    expect(calls()).to.equal(0)
    await clock.advance(1)
    expect(calls()).to.equal(1)
  })

  it('does not call back after its stop', async () => {
    const { clock, timer, calls } = setUp()
    await clock.advance(50_000)
    timer.touch()
    await clock.advance(50_000)
    timer.stop()
    await clock.advance(500_000)
    expect(calls()).to.equal(0)
  })
})
