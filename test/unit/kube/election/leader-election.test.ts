import { expect } from 'chai'
import { LeaseLost } from '../../../../src/kube/client/errors.ts'
import { electionTimes, observeMs } from '../../../../src/kube/election/election.ts'
import { heldSpec, type Lease, type LeaseSpec, microTime, releasedSpec } from '../../../../src/kube/election/lease.ts'
import { ObservedLease } from '../../../../src/kube/election/observed-lease.ts'
import { WriteDeadline } from '../../../../src/kube/election/write-guard.ts'
import { HandClock } from '../../../observe/clock.ts'

const now = new Date('2026-03-01T12:00:00.123Z')
const before: LeaseSpec = {
  holderIdentity: 'a',
  leaseDurationSeconds: 15,
  acquireTime: '2026-03-01T11:00:00.000000Z',
  renewTime: '2026-03-01T11:59:00.000000Z',
  leaseTransitions: 7,
}

function leaseWith(spec: LeaseSpec): Lease {
  const creationTimestamp = '2026-01-01T00:00:00Z'
  return { metadata: { name: 'l', namespace: 'ns', uid: 'u', resourceVersion: '1', creationTimestamp }, spec }
}

describe('leader: the spec of the Lease', () => {
  it('names the first holder, with times of six digits and whole seconds', () => {
    expect(heldSpec(undefined, { identity: 'a', leaseMs: 2500, now })).to.deep.equal({
      holderIdentity: 'a',
      leaseDurationSeconds: 3,
      acquireTime: '2026-03-01T12:00:00.123000Z',
      renewTime: '2026-03-01T12:00:00.123000Z',
      leaseTransitions: 0,
    })
  })

  it('moves only the renew time when it is renewed', () => {
    expect(heldSpec(before, { identity: 'a', leaseMs: 15_000, now })).to.deep.equal({
      ...before,
      renewTime: microTime(now),
    })
  })

  it('counts a transition when it changes hands, also after a release', () => {
    const taken = heldSpec(before, { identity: 'b', leaseMs: 15_000, now })
    expect(taken).to.include({ holderIdentity: 'b', leaseTransitions: 8, acquireTime: microTime(now) })
    const released = releasedSpec(taken, now)
    expect(released).to.include({ holderIdentity: '', leaseDurationSeconds: 1, leaseTransitions: 8 })
    expect(heldSpec(released, { identity: 'a', leaseMs: 15_000, now }).leaseTransitions).to.equal(9)
  })

  it('keeps unknown fields', () => {
    const extended = { ...before, preferredHolder: 'c' }
    expect(heldSpec(extended, { identity: 'b', leaseMs: 15_000, now })).to.include({ preferredHolder: 'c' })
  })
})

describe('leader: the Lease of another process', () => {
  const seen = (spec: LeaseSpec): ObservedLease => {
    const lease = new ObservedLease('me', 15_000)
    lease.observe(leaseWith(spec), 1000)
    return lease
  }

  it('counts as held for its whole duration after its last observed change', () => {
    const lease = seen(before)
    expect(lease.heldForMs(1000)).to.equal(15_000)
    expect(lease.heldForMs(15_999)).to.equal(1)
    expect(lease.heldForMs(16_000)).to.equal(0)
    lease.observe(leaseWith({ ...before, renewTime: 'later' }), 10_000)
    expect(lease.heldForMs(16_000)).to.equal(9000)
  })

  it('is not prolonged by a read, nor by a change of its labels', () => {
    const lease = seen(before)
    const labelled = leaseWith(before)
    lease.observe({ ...labelled, metadata: { ...labelled.metadata, resourceVersion: '2', labels: { a: 'b' } } }, 9000)
    expect(lease.heldForMs(9000)).to.equal(7000)
  })

  it('is timed by our observations, whatever times its holder wrote', () => {
    expect(seen({ ...before, renewTime: '1999-01-01T00:00:00.000000Z' }).heldForMs(1000)).to.equal(15_000)
    expect(seen({ ...before, renewTime: '2099-01-01T00:00:00.000000Z' }).heldForMs(16_000)).to.equal(0)
  })

  it('is held for the duration in its spec, or for our own if it has none', () => {
    expect(seen({ ...before, leaseDurationSeconds: 60 }).heldForMs(1000)).to.equal(60_000)
    expect(seen({ holderIdentity: 'a' }).heldForMs(1000)).to.equal(15_000)
  })

  it('is free at once when it was released, when it is ours, and when it never existed', () => {
    expect(seen(releasedSpec(before, now)).heldForMs(1000)).to.equal(0)
    expect(seen({ ...before, holderIdentity: 'me' }).heldForMs(1000)).to.equal(0)
    expect(new ObservedLease('me', 15_000).heldForMs(0)).to.equal(0)
  })

  const at = (version: string, spec: LeaseSpec) => {
    const lease = leaseWith(spec)
    return { ...lease, metadata: { ...lease.metadata, resourceVersion: version } }
  }
  for (const [what, restored] of Object.entries({
    'by us': { ...before, holderIdentity: 'me' },
    'by nobody': releasedSpec(before, now),
    'by a third one': { ...before, holderIdentity: 'c' },
  })) {
    it(`counts as held for a whole duration after the cluster was restored to when it was held ${what}`, () => {
      const lease = new ObservedLease('me', 15_000)
      lease.observe(at('200', { ...before, renewTime: 'later' }), 1000)
      lease.observe(at('90', restored), 10_000)
      expect(lease.heldForMs(10_000)).to.equal(15_000)
      lease.observe(at('90', restored), 12_000)
      expect(lease.heldForMs(12_000), 'not prolonged').to.equal(13_000)
    })
  }

  it('still counts as held for its duration after it was deleted', () => {
    const lease = seen(before)
    lease.observe(undefined, 2000)
    expect(lease.heldForMs(2000)).to.equal(14_000)
  })
})

describe("leader: the guard's deadline", () => {
  it('allows requests until it is reached, and none from then on', async () => {
    const clock = new HandClock()
    const guard = new WriteDeadline(clock, 10_000)
    await clock.advance(9999)
    guard.check()
    expect(guard.signal.aborted).to.equal(false)
    await clock.advance(1)
    expect(guard.signal.reason).to.be.instanceOf(LeaseLost)
    expect(() => guard.check()).to.throw(LeaseLost)
  })

  it('holds in a process that was paused, before any of its timers has run', () => {
    const clock = new HandClock()
    const guard = new WriteDeadline(clock, 10_000)
    clock.jump(20_000)
    expect(guard.signal.aborted).to.equal(false)
    expect(() => guard.check()).to.throw(LeaseLost)
    expect(guard.signal.aborted).to.equal(true)
  })

  it('moves with each renewal, and only forward', async () => {
    const clock = new HandClock()
    const guard = new WriteDeadline(clock, 10_000)
    guard.extend(15_000)
    guard.extend(12_000)
    await clock.advance(14_999)
    guard.check()
    await clock.advance(1)
    expect(guard.signal.aborted).to.equal(true)
  })

  it('stays passed when the response to a renewal arrives too late', () => {
    const clock = new HandClock()
    const guard = new WriteDeadline(clock, 10_000)
    clock.jump(10_000)
    guard.extend(19_000)
    expect(() => guard.check()).to.throw(LeaseLost)
    expect(guard.leftMs).to.equal(0)
  })

  it('can be ended early, and leaves no timer', () => {
    const clock = new HandClock()
    const guard = new WriteDeadline(clock, 10_000)
    guard.end(new LeaseLost('released'))
    guard.extend(20_000)
    expect(() => guard.check()).to.throw('released')
    expect(clock.timers).to.equal(0)
  })

  it('ignores the wall clock', async () => {
    const clock = new HandClock()
    let wallMs = 0
    clock.now = () => new Date(wallMs)
    const guard = new WriteDeadline(clock, 10_000)
    for (const jumpMs of [600_000, -600_000]) {
      wallMs = jumpMs
      guard.check()
    }
    wallMs = 0
    await clock.advance(10_000)
    expect(guard.signal.aborted).to.equal(true)
  })
})

describe('leader: times', () => {
  it('are 15, 10 and 2 seconds, and in proportion for another duration', () => {
    expect(electionTimes({})).to.deep.equal({ leaseMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2000 })
    expect(electionTimes({ leaseMs: 3000 })).to.deep.equal({ leaseMs: 3000, renewDeadlineMs: 2000, retryMs: 400 })
  })

  it('let a candidate take over within the Lease plus 2 s: it sees the last renewal at most a second late', () => {
    const times = electionTimes({})
    expect(observeMs({ times, random: () => 0 })).to.equal(1000)
    expect(observeMs({ times, random: () => 1 })).to.equal(750)
  })

  it('with which a leader could outlive its Lease are rejected', () => {
    expect(() => electionTimes({ leaseMs: 10_000, renewDeadlineMs: 10_000 })).to.throw(RangeError)
    expect(() => electionTimes({ retryMs: 10_000 })).to.throw(RangeError)
    expect(() => electionTimes({ retryMs: 0 })).to.throw(RangeError)
    expect(() => electionTimes({ leaseMs: Number.NaN })).to.throw(RangeError)
  })
})
