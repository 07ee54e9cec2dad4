import { expect } from 'chai'
import { type JobPhase, jobPhases } from '../../../../src/api/runner-job.ts'
import { isFinal, isFinished, mayMove, shownPhase } from '../../../../src/domain/job/phases.ts'
import { aJob, aRunner } from '../../../objects/builders.ts'

// Rows are the phase from, columns the phase to, in the order of jobPhases.
const table: Readonly<Record<JobPhase, string>> = {
  //          Q A R C F X
  Queued: '   y y y y y y',
  Assigned: ' - y y y y y',
  Running: '  - - y y y y',
  Completed: '- - - y - -',
  Failed: '   - - - - y -',
  Cancelled: '- - - - - y',
}

describe('phases of a job', () => {
  for (const from of jobPhases) {
    const allowed = table[from].trim().split(' ')
    const targets = jobPhases.filter((_, column) => allowed[column] === 'y')
    it(`lead from ${from} to ${targets.join(', ')} and nowhere else`, () => {
      expect(jobPhases.filter((to) => mayMove(from, to))).to.deep.equal(targets)
    })
  }

  it('are final for Completed, Failed and Cancelled, and no others', () => {
    expect(jobPhases.filter(isFinal)).to.deep.equal(['Completed', 'Failed', 'Cancelled'])
    expect(jobPhases.filter((phase) => isFinished(aJob({ status: { phase } })))).to.deep.equal(
      jobPhases.filter(isFinal),
    )
  })

  it('show a queued job with a Runner as assigned before its status has it', () => {
    const job = aJob()
    expect(shownPhase(job, undefined)).to.equal('Queued')
    expect(shownPhase(job, aRunner({ job }))).to.equal('Assigned')
  })

  it('do not use the Runner of an earlier job of the same name', () => {
    const earlier = aJob({ metadata: { uid: 'earlier' } })
    expect(shownPhase(aJob(), aRunner({ job: earlier }))).to.equal('Queued')
  })

  it('show any later phase as it is', () => {
    const job = aJob({ status: { phase: 'Failed' } })
    expect(shownPhase(job, aRunner({ job }))).to.equal('Failed')
  })
})
