import { expect } from 'chai'
import { LoopDelay } from '../../../src/http/loop-delay.ts'

describe('the delay of the event loop', () => {
  let delay: LoopDelay
  let stop: AbortController
  let ms: number
  let timer: { callback: () => void; delayMs: number } | undefined
  const clock = {
    monotonicMs: () => ms,
    setTimer(callback: () => void, delayMs: number) {
      timer = { callback, delayMs }
      return () => (timer = undefined)
    },
  }

  beforeEach(() => {
    ms = 0
    timer = undefined
    stop = new AbortController()
    delay = new LoopDelay(clock)
    delay.measure(stop.signal)
  })

  /** The timer is served so often, each time so late. */
  function served(times: number, lateMs: number): void {
    for (let time = 0; time < times; time += 1) {
      ms += (timer?.delayMs ?? Number.NaN) + lateMs
      timer?.callback()
    }
  }

  it('is nothing while timers are served in time', () => {
    served(50, 0)
    expect(delay.ms).to.equal(0)
  })

  it('is near the length of the turns while each takes long', () => {
    served(5, 1500)
    expect(delay.ms).to.be.within(1400, 1500)
  })

  it('moves little with a single pause', () => {
    served(50, 0)
    served(1, 300)
    expect(delay.ms).to.be.within(50, 150)
  })

  it('is over two seconds after the last long turn', () => {
    served(5, 1500)
    served(10, 0)
    expect(delay.ms).to.be.below(250)
  })

  it('is not measured any more after the signal', () => {
    expect(timer).to.not.equal(undefined)
    stop.abort()
    expect(timer).to.equal(undefined)
    new LoopDelay(clock).measure(stop.signal)
    expect(timer).to.equal(undefined)
  })
})
