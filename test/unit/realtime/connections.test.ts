import { expect } from 'chai'
import type { Admit, AdmissionDecision } from '../../../src/realtime/admission.ts'
import { Connections, TOO_MANY } from '../../../src/realtime/connections.ts'
import { RecordedLog } from '../../documents/recorded-log.ts'
import { HandClock } from '../../observe/clock.ts'

const EVERY = 60_000
const admitted = { is: 'admitted', caller: 'a', mayList: true, scope: { is: 'all' } } as const

describe('open connections', () => {
  let clock: HandClock
  let connections: Connections
  let decide: Admit
  let closed: [code: number, reason: string][]
  let checks: number

  beforeEach(() => {
    clock = new HandClock()
    closed = []
    checks = 0
    decide = async () => admitted
    const admit: Admit = async (handshake) => {
      checks += 1
      return decide(handshake)
    }
    connections = new Connections({ admit, clock, log: new RecordedLog(), everyMs: EVERY, mostPerCaller: 2 })
  })

  function open() {
    const close = (code: number, reason: string) => void closed.push([code, reason])
    return connections.receive({ handshake: { headers: {}, address: '' }, admitted, close })
  }

  it('are authorised again in each period, and stay open while admitted', async () => {
    open()
    await clock.advance(3 * EVERY)
    expect([checks, closed.length]).to.deep.equal([3, 0])
  })

  it('are not authorised again after they end', async () => {
    open()?.()
    await clock.advance(EVERY)
    expect([checks, clock.timers]).to.deep.equal([0, 0])
  })

  const ends: [why: string, verdict: AdmissionDecision | Error, end: [number, string]][] = [
    ['their token is unknown', { is: 'unknown' }, [1008, 'no longer allowed']],
    ['they may not watch', { is: 'forbidden' }, [1008, 'no longer allowed']],
    ['they may no longer list', { ...admitted, mayList: false }, [1008, 'no longer allowed']],
    [
      'they may use only their own jobs now',
      { ...admitted, scope: { is: 'own', user: 'a' } },
      [1008, 'no longer allowed'],
    ],
    ['their token is that of another user', { ...admitted, caller: 'b' }, [1008, 'no longer allowed']],
    ['the authorisation fails', new Error('no answer'), [1013, 'permissions cannot be checked now']],
  ]
  for (const [why, verdict, end] of ends) {
    it(`are closed with ${end[0]} when ${why}`, async () => {
      decide = async () => {
        if (verdict instanceof Error) throw verdict
        return verdict
      }
      open()
      await clock.advance(EVERY)
      expect(closed).to.deep.equal([end])
      expect(clock.timers, 'timers after the close').to.equal(0)
    })
  }

  it('are limited per caller, and the end of one makes room', () => {
    const first = open()
    open()
    expect(open()).to.equal(undefined)
    expect(closed).to.deep.equal([[1013, TOO_MANY]])
    first?.()
    expect(open()).to.not.equal(undefined)
  })
})
