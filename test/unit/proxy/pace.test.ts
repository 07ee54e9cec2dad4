import { expect } from 'chai'
import { pauseMs } from '../../../src/proxy/hub/pace.ts'

const minute = 60_000

const headers = (remaining: number, resetSeconds: number) => ({
  'x-ratelimit-remaining': String(remaining),
  'x-ratelimit-reset': String(resetSeconds),
})

describe('how often a proxy asks', () => {
  it('leaves more than half of the calls of 20 proxies behind one address to others', () => {
    let calls = 0
    let nowMs = 0
    while (nowMs < 15 * minute) {
      nowMs += pauseMs(headers(100 - calls, 900), nowMs)
      if (nowMs < 15 * minute) calls += 20
    }
    expect(calls).to.be.within(20, 50)
  })

  it('is seldom where few calls are left, and once in a window where none is', () => {
    expect(pauseMs(headers(5, 900), 0)).to.equal(15 * minute)
    expect(pauseMs(headers(0, 300), 0)).to.equal(5 * minute)
  })

  it('is often where the limit is high, or there is none', () => {
    expect(pauseMs(headers(100_000, 900), 0)).to.equal(1000)
    expect(pauseMs({}, 0)).to.equal(1000)
    expect(pauseMs({ 'x-ratelimit-remaining': 'x', 'x-ratelimit-reset': '1' }, 0)).to.equal(1000)
  })
})
