import { expect } from 'chai'
import type { RunnerJobSpec } from '../../../../src/api/runner-job.ts'
import type { RunnerPoolSpec } from '../../../../src/api/runner-pool.ts'
import { limitsOf, stageLimitOf } from '../../../../src/domain/job/deadline.ts'
import { timeout } from '../../../../src/domain/job/endings.ts'
import type { JobView } from '../../../../src/domain/job/view.ts'
import { podState } from '../../../../src/domain/pod/state.ts'
import { aContainer, aJob, aPod, aPool, aRunner, at, podStatus, running, stamp } from '../../../objects/builders.ts'

type Limits = Pick<RunnerJobSpec, 'queueTimeoutSeconds' | 'startTimeoutSeconds'> & { timeoutSeconds?: number }

/** A job in this stage. It was created at second 0, assigned at 3, and started at 10. */
function view(stage: 'queue' | 'start' | 'run', own: Limits, ofPool?: Partial<RunnerPoolSpec>): JobView {
  const job = aJob({ spec: own })
  const runner = stage === 'queue' ? undefined : aRunner({ job, metadata: { creationTimestamp: stamp(3) } })
  const pod = stage === 'run' ? aPod({ status: podStatus('Running', aContainer(running)) }) : undefined
  return {
    job,
    runner,
    pod: podState(pod),
    admission: { is: 'admitted' },
    ...(ofPool !== undefined && { pool: aPool({ spec: ofPool }) }),
    finishedPodTtlMs: 0,
    startTroubleMs: 0,
    now: at(20),
  }
}

const cases: [what: string, view: JobView, source: string, endsAt: number][] = [
  ['the queue, by the limit of the run', view('queue', { timeoutSeconds: 100 }), 'timeoutSeconds', 100],
  ['the queue', view('queue', { queueTimeoutSeconds: 200, startTimeoutSeconds: 1 }), 'queueTimeoutSeconds', 200],
  ['the start', view('start', { startTimeoutSeconds: 50, queueTimeoutSeconds: 1 }), 'startTimeoutSeconds', 53],
  ['the run', view('run', { timeoutSeconds: 60, startTimeoutSeconds: 1 }), 'timeoutSeconds', 70],
  [
    'the queue of a pool with a shorter limit',
    view('queue', { queueTimeoutSeconds: 200 }, { queueTimeoutSeconds: 30, timeoutSeconds: 1 }),
    'queueTimeoutSeconds of RunnerPool pool',
    30,
  ],
  [
    'the queue of a pool with a longer limit',
    view('queue', { queueTimeoutSeconds: 200 }, { queueTimeoutSeconds: 300 }),
    'queueTimeoutSeconds',
    200,
  ],
  ['the start in a pool', view('start', {}, { startTimeoutSeconds: 40 }), 'startTimeoutSeconds of RunnerPool pool', 43],
  ['the run in a pool', view('run', {}, { timeoutSeconds: 40 }), 'timeoutSeconds of RunnerPool pool', 50],
  ['the run in a pool without a limit', view('run', { timeoutSeconds: 60 }, {}), 'timeoutSeconds', 70],
]

describe('the limit of a stage', () => {
  for (const [what, seen, source, endsAt] of cases) {
    it(`is that of ${what}`, () => {
      const limit = stageLimitOf(seen)
      expect([limit.source, limit.endsMs]).to.deep.equal([source, at(endsAt).getTime()])
    })
  }

  it('counts neither the pause before a further attempt nor the wait for the last pod as time in the queue', () => {
    const lost = { number: 1, poolName: 'pool', reason: 'Evicted', message: 'm', endedAt: stamp(20) }
    const limits = (status: object, ofPool = 100): (string | number)[] => {
      const job = aJob({
        spec: { queueTimeoutSeconds: 5, timeoutSeconds: 60 },
        status: { attempts: [lost], ...status },
      })
      const seen = { ...view('queue', {}, { queueTimeoutSeconds: ofPool }), job }
      const { source, endsMs } = stageLimitOf(seen)
      return [source, endsMs]
    }
    expect(limits({ nextAttemptAt: stamp(40) })).to.deep.equal(['timeoutSeconds', at(80).getTime()])
    expect(limits({ nextAttemptAt: stamp(40) }, 1)).to.deep.equal(['timeoutSeconds', at(80).getTime()])
    const queued = { attempts: [{ ...lost, requeuedAt: stamp(45) }] }
    expect(limits(queued)).to.deep.equal(['queueTimeoutSeconds', at(50).getTime()])
    expect(limits({})).to.deep.equal(['queueTimeoutSeconds', at(25).getTime()])
  })

  it('is named by the message of a job that took longer', () => {
    const { reason, message } = timeout(view('queue', {}, { queueTimeoutSeconds: 30 }))
    expect(reason).to.equal('JobTimeout')
    expect(message).to.equal('the job waited in the queue longer than queueTimeoutSeconds of RunnerPool pool (30 s)')
  })

  it('changes with those of a pool, and with nothing else of it', () => {
    expect(limitsOf(aPool({ spec: { maxRunners: 1 } }))).to.equal(limitsOf(undefined))
    for (const field of ['queueTimeoutSeconds', 'startTimeoutSeconds', 'timeoutSeconds'])
      expect(limitsOf(aPool({ spec: { [field]: 5 } })), field).to.not.equal(limitsOf(aPool()))
  })
})
