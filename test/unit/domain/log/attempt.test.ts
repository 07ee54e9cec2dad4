import { expect } from 'chai'
import { isPastAttempt, jobAt } from '../../../../src/domain/log/attempt.ts'
import { aJob, stamp } from '../../../objects/builders.ts'

const ended = (number: number) => {
  const what = { poolName: 'pool', reason: 'Evicted', message: '', endedAt: stamp(number) }
  return { ...what, number, podName: `job-${number}`, podUID: `pod-${number}` }
}
const job = aJob({ status: { phase: 'Running', podUID: 'pod-3', attempts: [ended(1), ended(2)] } })

describe('the attempt whose log is meant', () => {
  it('is the current one by default', () => {
    for (const attempt of [undefined, 3]) expect(jobAt(job, attempt)).to.equal(job)
  })

  it('has the pod that it had when it ended', () => {
    const first = jobAt(job, 1)
    expect(first?.status).to.include({ phase: 'Failed', podUID: 'pod-1', completedAt: stamp(1) })
    expect(first?.status.attempts).to.deep.equal([])
    expect(jobAt(job, 2)?.status.attempts).to.have.length(1)
    expect(first !== undefined && isPastAttempt(first, job)).to.equal(true)
    expect(isPastAttempt(job, job)).to.equal(false)
  })

  it('does not exist beyond the current one', () => {
    for (const attempt of [4, 100]) expect(jobAt(job, attempt)).to.equal(undefined)
  })
})
