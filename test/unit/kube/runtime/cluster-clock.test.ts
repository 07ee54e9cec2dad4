import { expect } from 'chai'
import { ClusterClock } from '../../../../src/kube/runtime/cluster-clock.ts'
import { HandClock } from '../../../observe/clock.ts'

const START = Date.parse('2026-03-01T12:00:00.400Z')
const minute = 60_000

/** The clock of a machine that is off by so much, and the server's time as a header. */
function skewed(offMs: number): { machine: HandClock; clock: ClusterClock; follow: (tookMs?: number) => number } {
  const machine = new HandClock(new Date(START + offMs))
  const clock = new ClusterClock(machine)
  const follow = (tookMs = 0) => clock.follow(new Date(machine.now().getTime() - offMs).toUTCString(), tookMs)
  return { machine, clock, follow }
}

describe('the clock of the cluster', () => {
  for (const offMs of [0, 300, -300]) {
    it(`is the machine's own where that may be right: off by ${offMs} ms`, () => {
      const { machine, clock, follow } = skewed(offMs)
      expect(follow()).to.equal(0)
      expect(clock.now()).to.deep.equal(machine.now())
    })
  }

  for (const offMs of [5 * minute, -5 * minute]) {
    it(`follows the API server to a second where the machine is off by ${offMs / minute} minutes`, async () => {
      const { machine, clock, follow } = skewed(offMs)
      expect(Math.abs(follow())).to.be.closeTo(5 * minute, 1000)
      expect(clock.now().getTime()).to.be.closeTo(START, 1000)
      await machine.advance(minute)
      expect(clock.now().getTime()).to.be.closeTo(START + minute, 1000)
    })
  }

  it('corrects no more than a response proves that was long under way', () => {
    const { clock, follow } = skewed(-5 * minute)
    follow(2 * minute)
    expect(clock.now().getTime()).to.be.closeTo(START, 1000)
    const ahead = skewed(5 * minute)
    ahead.follow(2 * minute)
    expect(ahead.clock.now().getTime()).to.be.closeTo(START + 2 * minute, 1000)
    ahead.follow()
    expect(ahead.clock.now().getTime()).to.be.closeTo(START, 1000)
  })

  it('stays as it is without a valid header', () => {
    const { machine, clock } = skewed(5 * minute)
    for (const header of ['', 'soon']) expect(clock.follow(header, 0)).to.equal(0)
    expect(clock.now()).to.deep.equal(machine.now())
  })

  it('leaves durations to the machine', async () => {
    const { machine, clock, follow } = skewed(5 * minute)
    const slept = clock.sleep(1000, new AbortController().signal)
    follow()
    const before = clock.monotonicMs()
    await machine.advance(1000)
    await slept
    expect(clock.monotonicMs() - before).to.equal(1000)
  })
})
