import { expect } from 'chai'
import { proxyName } from '../../../../src/api/names.ts'
import { planProxy, type ProxyPlan } from '../../../../src/domain/proxy/plan.ts'
import { type Heartbeat, isDue, presenceOf, shownProxyPhase } from '../../../../src/domain/proxy/presence.ts'
import { aProxy, at, deletedAt, stamp } from '../../../objects/builders.ts'

const heartbeatMs = 60_000
const forgetMs = 3_600_000
const renewed = (second: number): Heartbeat => ({ renewTime: stamp(second), leaseDurationSeconds: 180 })
const offline = {
  phase: 'Offline',
  reason: 'HeartbeatMissed',
  message: `last heartbeat at ${at(100).toISOString()}`,
} as const

describe('the name of a proxy runner', () => {
  it('contains the hash of its displayName, whatever that is', () => {
    expect(proxyName('proxy-runner-1')).to.equal('proxy-56aabf0a715888c9e466')
    expect(proxyName('../ü\u{1F680} $(x)')).to.match(/^proxy-[0-9a-f]{20}$/)
  })
})

describe('a proxy runner', () => {
  const idle = aProxy()
  const new1 = aProxy({ status: { phase: 'Starting' } })
  const silent = aProxy({ status: offline })
  const cases: [behaviour: string, runner: typeof idle, heartbeat: Heartbeat | undefined, second: number, ProxyPlan][] =
    [
      ['is idle once it is registered', new1, undefined, 1, { status: { phase: 'Idle' }, requeueAfterMs: 179_000 }],
      ['is left alone while it sends heartbeats', idle, renewed(100), 279, { requeueAfterMs: 1000 }],
      ['is offline after three periods', idle, renewed(100), 280, { status: offline, requeueAfterMs: forgetMs }],
      ['is offline after three periods without a Lease', idle, undefined, 179, { requeueAfterMs: 1000 }],
      ['is written as offline once', silent, renewed(100), 300, { requeueAfterMs: forgetMs - 20_000 }],
      [
        'is idle at its next heartbeat',
        silent,
        renewed(400),
        401,
        { status: { phase: 'Idle' }, requeueAfterMs: 179_000 },
      ],
      ['goes when it has been offline for long', silent, renewed(100), 280 + 3600, { act: 'delete' }],
      ['is left alone while it is being deleted', aProxy({ metadata: deletedAt(1) }), renewed(0), 9999, {}],
      ['counts from its creation if its Lease has no time', idle, { renewTime: 'x' }, 100, { requeueAfterMs: 80_000 }],
    ]
  for (const [behaviour, runner, heartbeat, second, plan] of cases) {
    it(behaviour, () => {
      expect(planProxy({ runner, heartbeat, heartbeatMs, forgetMs, now: at(second) })).to.deep.equal(plan)
    })
  }

  it('is shown as busy while it delegates, but not without heartbeats', () => {
    const presence = presenceOf(idle, renewed(100), heartbeatMs)
    const shown = (isDelegating: boolean, second: number) =>
      shownProxyPhase(presence, isDelegating, at(second).getTime())
    expect([shown(false, 101), shown(true, 279), shown(true, 280)]).to.deep.equal(['Idle', 'Busy', 'Offline'])
  })

  it('has its heartbeat written at most once in a third of a period', () => {
    const presence = presenceOf(idle, renewed(100), heartbeatMs)
    const due = (second: number) => isDue(presence, at(second).getTime(), heartbeatMs)
    expect([due(90), due(119), due(120)]).to.deep.equal([false, false, true])
    const brief = presenceOf(idle, { renewTime: stamp(100), leaseDurationSeconds: 3 }, heartbeatMs)
    expect(isDue(brief, at(103).getTime(), heartbeatMs), 'once it is offline').to.equal(true)
  })
})
