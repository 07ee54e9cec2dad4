import { expect } from 'chai'
import { FixedWindowCounter } from '../../../src/auth/window-counter.ts'
import { HandClock } from '../../observe/clock.ts'

describe('the counts of requests', () => {
  it('are separate for each client, and restart with the window', () => {
    const clock = new HandClock()
    const counts = new FixedWindowCounter({ clock, windowMs: 1000 })
    expect(counts.add('a')).to.deep.equal({ count: 1, leftMs: 1000 })
    clock.jump(400)
    expect(counts.add('a')).to.deep.equal({ count: 2, leftMs: 600 })
    expect(counts.add('b')).to.deep.equal({ count: 1, leftMs: 1000 })
    clock.jump(600)
    expect(counts.of('a')).to.deep.equal({ count: 0, leftMs: 1000 })
    expect(counts.of('b')).to.deep.equal({ count: 1, leftMs: 400 })
    expect(counts.add('a')).to.deep.equal({ count: 1, leftMs: 1000 })
  })

  it('stay bounded under 300,000 addresses, and drop the oldest first', () => {
    const clock = new HandClock()
    const counts = new FixedWindowCounter({ clock, windowMs: 900_000 })
    let most = 0
    for (let index = 0; index < 300_000; index++) {
      counts.add(`address ${index}`)
      most = Math.max(most, counts.size)
    }
    expect(most).to.equal(100_000)
    expect(counts.of('address 299999').count).to.equal(1)
    expect(counts.of('address 250000').count, 'half of the bound is always remembered').to.equal(1)
    expect(counts.of('address 0').count).to.equal(0)
  })

  it('are dropped after two windows, without a lookup', () => {
    const clock = new HandClock()
    const counts = new FixedWindowCounter({ clock, windowMs: 1000 })
    for (let index = 0; index < 1000; index++) counts.add(`address ${index}`)
    for (const client of ['a', 'b']) {
      clock.jump(1000)
      counts.add(client)
    }
    expect(counts.size).to.equal(2)
  })
})
