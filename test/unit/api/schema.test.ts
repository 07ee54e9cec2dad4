import { expect } from 'chai'
import { jobPhases, runnerJobSpec, runnerJobStatus } from '../../../src/api/runner-job.ts'
import { runnerPhases, runnerStatus } from '../../../src/api/runner.ts'
import {
  failureReasons,
  progressReasons,
  REASON_PATTERN,
  runnerReasons,
  waitingReasons,
} from '../../../src/api/reasons.ts'
import { immutable } from '../../../src/api/schema.ts'

describe('rules against change', () => {
  it('compare a required field, and check the presence of an optional one first', () => {
    const rules = immutable({ required: ['a'] }, 'a', 'b')
    expect(rules.map(({ rule }) => rule)).to.deep.equal([
      'self.a == oldSelf.a',
      'has(self.b) == has(oldSelf.b) && (!has(self.b) || self.b == oldSelf.b)',
    ])
    expect(rules.map(({ fieldPath }) => fieldPath)).to.deep.equal(['.a', '.b'])
    for (const { message } of rules) expect(message).to.match(/^[ab] is immutable: .* delegate again instead$/)
  })

  it('cover every fact of a delegation: no other immutable field exists', () => {
    const ruled = runnerJobSpec['x-kubernetes-validations'].map(({ fieldPath }) => fieldPath?.slice(1))
    const wishes = ['priority', 'timeoutSeconds', 'ttlSecondsAfterFinished']
    expect(Object.keys(runnerJobSpec.properties)).to.have.members([...ruled, ...wishes])
  })
})

describe('the lists of words', () => {
  it('contain the default phase', () => {
    expect(jobPhases).to.include(runnerJobStatus.default.phase)
    expect(runnerPhases).to.include(runnerStatus.default.phase)
  })

  it('have a default reason that no operator writes', () => {
    const reasons = [...waitingReasons, ...progressReasons, ...failureReasons, ...runnerReasons]
    expect(reasons).to.not.include(runnerJobStatus.default.reason)
    expect(runnerJobStatus.default.reason).to.match(new RegExp(REASON_PATTERN))
  })

  it('contain reasons that the definition accepts', () => {
    for (const reason of [...waitingReasons, ...progressReasons, ...failureReasons, ...runnerReasons])
      expect(reason).to.match(new RegExp(REASON_PATTERN))
  })
})
