import { expect } from 'chai'
import { recoveriesOf, recoveryInWords, worstRecoveries } from '../../faults/schedules/recovery.ts'

describe('the recovery from a fault', () => {
  const kill = { fault: { is: 'killLeader', atMs: 1000, forMs: 5000 } as const, beganAt: 1000, healedAt: 6000 }

  it('is the slowest start of the jobs that were due while it lasted', () => {
    const jobs = [
      { dueAt: 900, startedAt: 9900 },
      { dueAt: 1000, startedAt: 5200 },
      { dueAt: 6000, startedAt: 6300 },
      { dueAt: 6001, startedAt: 9901 },
    ]
    const [recovery] = recoveriesOf([kill], jobs)
    expect(recovery).to.include({ is: 'killLeader', longestMs: 4200, afterMs: 300 })
  })

  it('is nothing if all of them started before its end, or none was due', () => {
    expect(recoveriesOf([kill], [{ dueAt: 2000, startedAt: 2100 }])[0]).to.include({ longestMs: 100, afterMs: 0 })
    expect(recoveriesOf([kill], [])[0]).to.include({ longestMs: 0, afterMs: 0 })
  })

  it('is printed for each fault, and the worst for each kind', () => {
    const recoveries = recoveriesOf(
      [kill, { ...kill, beganAt: 2000, healedAt: 9000 }],
      [{ dueAt: 2000, startedAt: 7000 }],
    )
    expect(recoveries.map(recoveryInWords)).to.deep.equal([
      'at 1.0 s for 5.0 s: killLeader: the slowest start took 5.0 s, and the last came 1.0 s after the fault',
      'at 1.0 s for 5.0 s: killLeader: the slowest start took 5.0 s, and the last came 0.0 s after the fault',
    ])
    expect(worstRecoveries(recoveries)).to.deep.equal([
      'killLeader       2 times; a job started 5.0 s after its request at the latest, and 1.0 s after the fault',
    ])
  })
})
