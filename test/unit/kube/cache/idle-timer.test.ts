import { expect } from 'chai'
import { IdleTimer } from '../../../../src/kube/cache/idle-timer.ts'
import { HandClock } from '../../../observe/clock.ts'

const setUp = (): { clock: HandClock; timer: IdleTimer; calls: () => number } => {
  const clock = new HandClock()
  let calls = 0
  return { clock, timer: new IdleTimer(clock, 90_000, () => (calls += 1)), calls: () => calls }
}

describe('silence timer', () => {
  it('calls back when nothing was heard for its time', async () => {
    const { clock, calls } = setUp()
    await clock.advance(89_999)
    expect(calls()).to.equal(0)
    await clock.advance(1)
    expect(calls()).to.equal(1)
  })

  it('counts from the last thing heard, with one timer however much is heard', async () => {
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

  it('is quiet after its stop', async () => {
    const { clock, timer, calls } = setUp()
    await clock.advance(50_000)
    timer.touch()
    await clock.advance(50_000)
    timer.stop()
    await clock.advance(500_000)
    expect(calls()).to.equal(0)
  })
})
