import { expect } from 'chai'
import type { RunnerJobStatus } from '../../../../src/api/runner-job.ts'
import { recordPhaseChange } from '../../../../src/controllers/job/phase-events.ts'
import type { EventRecorder } from '../../../../src/kube/events/recorder.ts'
import { aJob } from '../../../objects/builders.ts'

type Occurrence = Parameters<EventRecorder['record']>[1]

function recorded(before: Partial<RunnerJobStatus>, after: Partial<RunnerJobStatus>): Occurrence[] {
  const occurrences: Occurrence[] = []
  const recorder: Pick<EventRecorder, 'record'> = { record: (_about, occurrence) => void occurrences.push(occurrence) }
  recordPhaseChange(recorder, aJob({ status: before }), aJob({ status: after }))
  return occurrences
}

describe('the Events of a job', () => {
  it('report its waiting reason once', () => {
    const waiting = { phase: 'Queued', reason: 'PoolFull', message: 'full' } as const
    expect(recorded({}, waiting)).to.deep.equal([
      { type: 'Warning', reason: 'PoolFull', message: 'full', action: 'Wait' },
    ])
    expect(recorded(waiting, { ...waiting, message: 'still full' })).to.deep.equal([])
  })

  it('do not report ordinary steps', () => {
    expect(recorded({}, { phase: 'Assigned', reason: 'RunnerStarting' })).to.deep.equal([])
    expect(recorded({}, { phase: 'Running', reason: 'Running' })).to.deep.equal([])
  })

  for (const [phase, type] of [
    ['Completed', 'Normal'],
    ['Cancelled', 'Normal'],
    ['Failed', 'Warning'],
  ] as const) {
    it(`report its end as ${type} when it is ${phase}`, () => {
      const end = { phase, reason: 'ExitCode', message: 'how' }
      expect(recorded({ phase: 'Running', reason: 'Running' }, end)).to.deep.equal([
        { type, reason: 'ExitCode', message: 'how', action: 'Finish' },
      ])
    })
  }

  it('report a failure with the same reason as the wait', () => {
    const reason = 'ImagePull'
    expect(recorded({ phase: 'Assigned', reason }, { phase: 'Failed', reason })).to.have.length(1)
  })
})
