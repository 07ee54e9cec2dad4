import { expect } from 'chai'
import { podState } from '../../../src/domain/pod-state.ts'
import { planRunner } from '../../../src/domain/runner-plan.ts'
import { aContainer, aJob, aPod, aRunner, deletedAt, ended, podStatus, running } from '../../builders.ts'

const job = aJob()
const runner = aRunner()
const absent = podState(undefined)
const runningPod = podState(aPod({ status: podStatus('Running', aContainer(running)) }))
const create = { act: 'create-pod' }

describe('a Runner', () => {
  it('makes its pod', () => {
    expect(planRunner({ runner, job, pod: absent })).to.deep.equal(create)
  })

  it('makes its pod also after quota stood in the way', () => {
    const blocked = aRunner({ status: { reason: 'QuotaExceeded' } })
    expect(planRunner({ runner: blocked, job, pod: absent })).to.deep.equal(create)
  })

  it('is busy once its pod runs, and forgets what it waited for', () => {
    const blocked = aRunner({ status: { reason: 'QuotaExceeded', message: 'exceeded quota: q' } })
    expect(planRunner({ runner: blocked, job, pod: runningPod })).to.deep.equal({
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

  it('is written as busy once', () => {
    const busy = aRunner({ status: { phase: 'Busy', podUID: 'job-1-pod-uid' } })
    expect(planRunner({ runner: busy, job, pod: runningPod })).to.deep.equal({})
  })

  const never: [behaviour: string, view: Parameters<typeof planRunner>[0]][] = [
    ['when it knows of a pod already', { runner: aRunner({ status: { podUID: 'pod' } }), job, pod: absent }],
    ['when its job knows of a pod already', { runner, job: aJob({ status: { podUID: 'pod' } }), pod: absent }],
    ['when it was busy before', { runner: aRunner({ status: { phase: 'Busy' } }), job, pod: absent }],
    ['when its pod was refused for good', { runner: aRunner({ status: { phase: 'Stopping' } }), job, pod: absent }],
    ['for a job that is to be cancelled', { runner, job: aJob({ spec: { cancel: true } }), pod: absent }],
    ['for a finished job', { runner, job: aJob({ status: { phase: 'Failed' } }), pod: absent }],
    ['for a job that is being deleted', { runner, job: aJob({ metadata: deletedAt(1) }), pod: absent }],
    ['for a job that is gone', { runner, job: undefined, pod: absent }],
    ['while it is being deleted', { runner: aRunner({ metadata: deletedAt(1) }), job, pod: absent }],
    ['while it has one that waits', { runner, job, pod: podState(aPod()) }],
    [
      'when its pod is over',
      { runner, job, pod: podState(aPod({ status: podStatus('Failed', aContainer(ended(1))) })) },
    ],
  ]
  for (const [behaviour, view] of never) {
    it(`makes no pod ${behaviour}`, () => expect(planRunner(view)).to.deep.equal({}))
  }
})
