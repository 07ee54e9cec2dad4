import { expect } from 'chai'
import { systemClock } from '../../../../src/kube/runtime/clock.ts'
import { HandClock } from '../../../observe/clock.ts'

const never = new AbortController().signal

describe('clock', () => {
  it('ends a sleep at its time', async () => {
    const clock = new HandClock()
    let awake = false
    const sleep = clock.sleep(1000, never).then(() => (awake = true))
    await clock.advance(999)
    expect(awake).to.equal(false)
    await clock.advance(1)
    await sleep
  })

  it('ends a sleep with the reason of its signal, and leaves no timer and no listener behind', async () => {
    const clock = new HandClock()
    const stop = new AbortController()
    const outcome = clock.sleep(1000, stop.signal).catch((error: unknown) => error)
    stop.abort('stopped')
    expect(await outcome).to.equal('stopped')
    expect(clock.timers).to.equal(0)
    expect(await clock.sleep(1, AbortSignal.abort('before')).catch((error: unknown) => error)).to.equal('before')
  })

  it('of the system sleeps, and its monotonic time advances', async () => {
    const before = systemClock.monotonicMs()
    await systemClock.sleep(5, never)
    expect(systemClock.monotonicMs() - before).to.be.at.least(4)
    const outcome = systemClock.sleep(60_000, AbortSignal.timeout(5)).catch((error: unknown) => error)
    expect(await outcome).to.have.property('name', 'TimeoutError')
  })
})
