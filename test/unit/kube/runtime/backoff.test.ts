import { expect } from 'chai'
import { Backoff } from '../../../../src/kube/runtime/backoff.ts'
import { HandClock } from '../../../observe/clock.ts'

const delays = (random: number, count: number): number[] => {
  const backoff = new Backoff({ clock: new HandClock(), random: () => random })
  return Array.from({ length: count }, () => backoff.next())
}

describe('back-off', () => {
  it('never waits less than 0.8 s nor more than 30 s', () => {
    expect(delays(0, 10)).to.deep.equal(Array.from({ length: 10 }, () => 800))
    expect(Math.max(...delays(1, 10))).to.equal(30_000)
  })

  it('doubles its ceiling with each failure', () => {
    expect(delays(1, 7)).to.deep.equal([1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000])
  })

  it('keeps to a lower ceiling where the next attempt is cheap', () => {
    const backoff = new Backoff({ clock: new HandClock(), random: () => 1 })
    expect([1, 2, 3, 4, 5].map(() => backoff.next(5000))).to.deep.equal([1600, 3200, 5000, 5000, 5000])
    expect(backoff.next()).to.equal(30_000)
  })

  it('spreads the delays between the minimum and the ceiling', () => {
    expect(delays(0.5, 3)).to.deep.equal([1200, 2000, 3600])
  })

  it('resets after two minutes of health, and not before', async () => {
    const clock = new HandClock()
    const backoff = new Backoff({ clock, random: () => 1 })
    backoff.next()
    backoff.next()
    backoff.healthy()
    await clock.advance(119_000)
    backoff.healthy()
    expect(backoff.next()).to.equal(6400)
    backoff.healthy()
    await clock.advance(60_000)
    backoff.healthy()
    await clock.advance(60_000)
    expect(backoff.next()).to.equal(1600)
  })

  it('does not count the time between a failure and the next sign of health', async () => {
    const clock = new HandClock()
    const backoff = new Backoff({ clock, random: () => 1 })
    backoff.healthy()
    backoff.next()
    await clock.advance(200_000)
    expect(backoff.next()).to.equal(3200)
  })
})
