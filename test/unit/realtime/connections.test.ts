import { expect } from 'chai'
import type { Admit, AdmissionDecision } from '../../../src/realtime/admission.ts'
import { Connections, TOO_MANY } from '../../../src/realtime/connections.ts'
import { RecordedLog } from '../../documents/recorded-log.ts'
import { HandClock } from '../../observe/clock.ts'

const EVERY = 60_000
const admitted = { is: 'admitted', caller: 'a', mayList: true } as const

describe('open connections', () => {
  let clock: HandClock
  let guests: Connections
  let judge: Admit
  let closed: [code: number, reason: string][]
  let judged: number

  beforeEach(() => {
    clock = new HandClock()
    closed = []
    judged = 0
    judge = async () => admitted
    const admit: Admit = async (visitor) => {
      judged += 1
      return judge(visitor)
    }
    guests = new Connections({ admit, clock, log: new RecordedLog(), everyMs: EVERY, mostPerCaller: 2 })
  })

  function open() {
    const close = (code: number, reason: string) => void closed.push([code, reason])
    return guests.receive({ handshake: { headers: {}, address: '' }, admitted, close })
  }

  it('are judged in each period, and stay while they are admitted', async () => {
    open()
    await clock.advance(3 * EVERY)
    expect([judged, closed.length]).to.deep.equal([3, 0])
  })

  it('are not judged any more once they are over', async () => {
    open()?.()
    await clock.advance(EVERY)
    expect([judged, clock.timers]).to.deep.equal([0, 0])
  })

  const ends: [why: string, verdict: AdmissionDecision | Error, end: [number, string]][] = [
    ['their token does not count', { is: 'unknown' }, [1008, 'no longer allowed']],
    ['they may not watch', { is: 'forbidden' }, [1008, 'no longer allowed']],
    ['they may not list any more', { ...admitted, mayList: false }, [1008, 'no longer allowed']],
    ['nobody can tell', new Error('no answer'), [1013, 'rights cannot be checked now']],
  ]
  for (const [why, verdict, end] of ends) {
    it(`are closed with ${end[0]} when ${why}`, async () => {
      judge = async () => {
        if (verdict instanceof Error) throw verdict
        return verdict
      }
      open()
      await clock.advance(EVERY)
      expect(closed).to.deep.equal([end])
      expect(clock.timers, 'it is not judged again').to.equal(0)
    })
  }

  it('are as many per caller as allowed, and again when one is over', () => {
    const first = open()
    open()
    expect(open()).to.equal(undefined)
    expect(closed).to.deep.equal([[1013, TOO_MANY]])
    first?.()
    expect(open()).to.not.equal(undefined)
  })
})
