import { expect } from 'chai'
import { controllerRef } from '../../../../src/api/object.ts'
import { runnerJobs } from '../../../../src/api/runner-job.ts'
import { podState } from '../../../../src/domain/pod/state.ts'
import { planRunner, type RunnerPlan, type RunnerView } from '../../../../src/domain/runner/plan.ts'
import {
  aContainer,
  aJob,
  aPod,
  aRunner,
  at,
  deletedAt,
  ended,
  podStatus,
  running,
  stamp,
} from '../../../objects/builders.ts'

const job = aJob()
const runner = aRunner()
const owned = aRunner({ metadata: { ownerReferences: [controllerRef(runnerJobs, job)] } })
const other = controllerRef(runnerJobs, aJob({ metadata: { name: 'other' } }))
const adopted = aRunner({ metadata: { ownerReferences: [other] } })
const absent = podState(undefined)
const runningPod = podState(aPod({ status: podStatus('Running', aContainer(running)) }))
const create = { act: 'create-pod' }

type Parts = Pick<RunnerView, 'runner' | 'job' | 'pod'>

/** The plan at this many seconds after the start. */
function plan(view: Parts, now = 20): RunnerPlan {
  return planRunner({ ...view, startTroubleMs: 60_000, now: at(now) })
}

describe('a Runner', () => {
  it('creates its pod', () => {
    expect(plan({ runner, job, pod: absent })).to.deep.equal(create)
  })

  it('creates its pod also after a full quota', () => {
    const blocked = aRunner({ status: { reason: 'QuotaExceeded' } })
    expect(plan({ runner: blocked, job, pod: absent })).to.deep.equal(create)
  })

  it('is busy once its pod runs, and drops its waiting reason', () => {
    const blocked = aRunner({ status: { reason: 'QuotaExceeded', message: 'exceeded quota: q' } })
    expect(plan({ runner: blocked, job, pod: runningPod })).to.deep.equal({
      status: {
        phase: 'Busy',
        reason: 'Running',
        podName: 'job-1',
        podUID: 'job-1-pod-uid',
        containerId: 'containerd://runner',
        nodeName: 'node',
      },
    })
  })

  it('is deleted without a job, unless that owns it: then the garbage collector does it', () => {
    for (const pod of [absent, runningPod]) {
      expect(plan({ runner, job: undefined, pod })).to.deep.equal({ act: 'delete-runner' })
      expect(plan({ runner: owned, job: undefined, pod })).to.deep.equal({})
      expect(plan({ runner: adopted, job: undefined, pod })).to.deep.equal({ act: 'delete-runner' })
    }
  })

  it('is written as busy once', () => {
    const busy = aRunner({ status: { phase: 'Busy', podUID: 'job-1-pod-uid' } })
    expect(plan({ runner: busy, job, pod: runningPod })).to.deep.equal({})
  })

  const never: [behaviour: string, view: Parts][] = [
    ['when its status has a pod UID', { runner: aRunner({ status: { podUID: 'pod' } }), job, pod: absent }],
    ['when its job’s status has a pod UID', { runner, job: aJob({ status: { podUID: 'pod' } }), pod: absent }],
    ['when it was busy before', { runner: aRunner({ status: { phase: 'Busy' } }), job, pod: absent }],
    ['when its pod was refused for good', { runner: aRunner({ status: { phase: 'Stopping' } }), job, pod: absent }],
    ['for a job with cancel', { runner, job: aJob({ spec: { cancel: true } }), pod: absent }],
    ['for a finished job', { runner, job: aJob({ status: { phase: 'Failed' } }), pod: absent }],
    ['for a job that is being deleted', { runner, job: aJob({ metadata: deletedAt(1) }), pod: absent }],
    ['for a job that is gone', { runner: owned, job: undefined, pod: absent }],
    ['while it is being deleted', { runner: aRunner({ metadata: deletedAt(1) }), job, pod: absent }],
    ['while its pod waits', { runner, job, pod: podState(aPod()) }],
    [
      'when its pod is terminal',
      { runner, job, pod: podState(aPod({ status: podStatus('Failed', aContainer(ended(1))) })) },
    ],
  ]
  for (const [behaviour, view] of never) {
    it(`creates no pod ${behaviour}`, () => expect(plan(view)).to.deep.equal({}))
  }

  it('of an earlier attempt creates no pod and is deleted, whatever its pod does and also if the job is over', () => {
    const attempts = [{ number: 1, poolName: 'pool', reason: 'Evicted', message: 'm', endedAt: stamp(5) }]
    for (const phase of ['Queued', 'Running', 'Failed'] as const) {
      for (const pod of [absent, runningPod]) {
        const next = aJob({ status: { phase, attempts } })
        expect(plan({ runner, job: next, pod }), phase).to.deep.equal({ act: 'delete-runner' })
        const second = aRunner({ spec: { attempt: 2 } })
        expect(plan({ runner: second, job: next, pod }).act, phase).to.not.equal('delete-runner')
      }
    }
  })

  describe('of a job that is reported to run elsewhere', () => {
    const reported = { at: stamp(15) }
    const taken = aJob({ status: { phase: 'Running', reason: 'Reported', reported, podUID: 'job-1-pod-uid' } })
    const pulling = podState(
      aPod({ status: podStatus('Pending', aContainer({ waiting: { reason: 'ErrImagePull' } })) }),
    )

    it('creates no pod and is deleted, also after a full quota', () => {
      const blocked = aRunner({ status: { reason: 'QuotaExceeded' } })
      for (const phase of ['Assigned', 'Running'] as const) {
        const of = { runner: blocked, job: aJob({ status: { phase, reported } }), pod: absent }
        expect(plan(of), phase).to.deep.equal({ act: 'delete-runner' })
      }
    })

    it('keeps a pod that has not started for a while: its kubelet may report the start late', () => {
      expect(plan({ runner, job: taken, pod: pulling }, 74)).to.deep.equal({ requeueAfterMs: 1000 })
      expect(plan({ runner, job: taken, pod: pulling }, 75)).to.deep.equal({ act: 'delete-runner' })
    })

    it('keeps a pod that runs, whatever is reported', () => {
      expect(plan({ runner, job: taken, pod: runningPod }, 9999)).to.have.nested.property('status.phase', 'Busy')
      const busy = aRunner({ status: { phase: 'Busy', podUID: 'job-1-pod-uid' } })
      expect(plan({ runner: busy, job: taken, pod: absent }, 9999)).to.deep.equal({})
    })
  })
})
