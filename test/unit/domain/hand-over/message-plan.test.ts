import { expect } from 'chai'
import type { RunnerJob } from '../../../../src/api/runner-job.ts'
import { type MessagePlan, ORPHAN_MS, planMessage } from '../../../../src/domain/hand-over/message-plan.ts'
import { podState } from '../../../../src/domain/pod/state.ts'
import { aContainer, aJob, aPod, at, deletedAt, ended, podStatus, running } from '../../../objects/builders.ts'

const message = { id: 'mine', parts: 1 }
const handedOver = aJob({ spec: { message } })

function planned(job: RunnerJob | undefined, pod?: ReturnType<typeof aPod>, nowSeconds = 60): MessagePlan {
  return planMessage({ id: 'mine', storedAt: at(0), job, pod: podState(pod), now: at(nowSeconds) })
}

describe('the message of a handed-over job', () => {
  const needed: [string, RunnerJob, ReturnType<typeof aPod>?][] = [
    ['waits in the queue', handedOver],
    ['has a pod that no node has yet', handedOver, aPod({ nodeName: null })],
    ['has a pod whose containers are being made', handedOver, aPod()],
    ['was reported on', aJob({ spec: { message }, status: { reported: { at: '2026-01-01T00:00:01Z' } } })],
    ['was asked to be cancelled, and is not over', aJob({ spec: { message, cancel: true } })],
  ]
  for (const [what, job, pod] of needed) {
    it(`is kept while its job ${what}`, () => expect(planned(job, pod)).to.deep.equal({}))
  }

  const runningPod = aPod({ status: podStatus('Running', aContainer(running)) })
  const gone: [string, RunnerJob, ReturnType<typeof aPod>?][] = [
    ['runs', handedOver, runningPod],
    ['has ended', handedOver, aPod({ status: podStatus('Succeeded', aContainer(ended(100))) })],
    ['was lost with its pod', handedOver, aPod({ status: { phase: 'Failed', reason: 'Evicted' } })],
    [
      'runs in a pod that is being deleted',
      handedOver,
      { ...runningPod, metadata: { ...runningPod.metadata, ...deletedAt(20) } },
    ],
    ['is cancelled', aJob({ spec: { message }, status: { phase: 'Cancelled' } })],
    ['is completed', aJob({ spec: { message }, status: { phase: 'Completed' } })],
    ['is being deleted', aJob({ spec: { message }, metadata: { deletionTimestamp: '2026-01-01T00:00:10Z' } })],
    ['has the message of another attempt', aJob({ spec: { message: { id: 'other', parts: 1 } } })],
    ['has none', aJob()],
  ]
  for (const [what, job, pod] of gone) {
    it(`is deleted when its job ${what}`, () => expect(planned(job, pod)).to.deep.equal({ act: 'delete' }))
  }

  it('is kept when its job was lost before its container started: another attempt may need it', () => {
    const rejected = aPod({ status: { phase: 'Failed', reason: 'OutOfcpu' } })
    expect(planned(handedOver, rejected)).to.deep.equal({})
    expect(planned(aJob({ spec: { message }, status: { phase: 'Failed' } }), rejected)).to.deep.equal({ act: 'delete' })
  })

  it('is kept for five minutes where there is no job yet, and then deleted', () => {
    expect(planned(undefined, undefined, 0)).to.deep.equal({ requeueAfterMs: ORPHAN_MS })
    expect(planned(undefined, undefined, 299)).to.deep.equal({ requeueAfterMs: 1000 })
    expect(planned(undefined, undefined, 300)).to.deep.equal({ act: 'delete' })
  })

  it('is looked at in time whatever the clock of who stored it says', () => {
    expect(planned(undefined, undefined, -86_400)).to.deep.equal({ requeueAfterMs: ORPHAN_MS })
  })
})
