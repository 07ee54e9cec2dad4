import { expect } from 'chai'
import { arrivalsOf } from '../../faults/schedules/arrivals.ts'
import { FREEZE_MS, inWords, scheduleOf } from '../../faults/schedules/schedule.ts'

const seeds = Array.from({ length: 500 }, (_, index) => index)

describe('the random schedule of a seed', () => {
  it('is the same each time, and differs between seeds', () => {
    for (const seed of seeds) expect(scheduleOf(seed, 60_000)).to.deep.equal(scheduleOf(seed, 60_000))
    const different = new Set(seeds.map((seed) => JSON.stringify(scheduleOf(seed, 60_000))))
    expect(different.size).to.be.above(490)
    // A seed of an earlier report still means the same faults, until faults are added.
    expect(scheduleOf(4, 60_000).map(inWords)).to.deep.equal([
      'at 14.0 s for 6.0 s: dropReply of=first scope=lease times=4',
      'at 27.0 s for 11.5 s: killLeader',
      'at 29.4 s for 13.2 s: killLeader',
    ])
  })

  for (const loadMs of [8000, 60_000, 600_000]) {
    it(`has one to three faults, each of which ends before the load: ${loadMs / 1000} s`, () => {
      for (const seed of seeds) {
        const faults = scheduleOf(seed, loadMs)
        expect(faults.length, `seed ${seed}`).to.be.within(1, 3)
        for (const { atMs, forMs } of faults) {
          expect(atMs, `seed ${seed}`).to.be.at.least(loadMs * 0.1)
          expect(forMs, `seed ${seed}`).to.be.within(Math.min(loadMs * 0.04, 2000), FREEZE_MS)
          expect(atMs + forMs, `seed ${seed}`).to.be.at.most(loadMs * 0.9)
        }
      }
    })
  }

  it('has every kind of fault among many seeds, and restarts of the API server only in a long load', () => {
    const kindsAt = (loadMs: number) => new Set(seeds.flatMap((seed) => scheduleOf(seed, loadMs).map(({ is }) => is)))
    const quick = ['dropReply', 'delay', 'answer', 'reset', 'stallWatches', 'killLeader', 'freezeLeader']
    expect([...kindsAt(8000)]).to.have.members(quick)
    expect([...kindsAt(60_000)]).to.have.members([...quick, 'restartApiServer'])
  })
})

describe('the load of a seed', () => {
  it('is the same each time: jobs at an even rate, with every fate in all ways', () => {
    const load = arrivalsOf(3, { loadMs: 60_000, perSecond: 20 })
    expect(load).to.deep.equal(arrivalsOf(3, { loadMs: 60_000, perSecond: 20 }))
    expect(load).to.have.length(1200)
    expect(load.at(-1)?.atMs).to.equal(59_950)
    const kinds = new Set(load.map(({ via, fate }) => `${via} ${fate}`))
    expect(kinds.size).to.equal(12)
    expect(load.filter(({ fate }) => fate === 'Cancelled').length).to.be.within(80, 160)
  })
})
