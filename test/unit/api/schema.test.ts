import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { immutableFields, jobPhases, runnerJobSpec, runnerJobStatus } from '../../../src/api/runner-job.ts'
import { runnerPhases, runnerStatus } from '../../../src/api/runner.ts'
import {
  failureReasons,
  progressReasons,
  REASON_PATTERN,
  runnerReasons,
  waitingReasons,
} from '../../../src/api/reasons.ts'
import { withImmutable } from '../../../src/api/schema.ts'

const root = join(import.meta.dirname, '../../..')

describe('rules against change', () => {
  const text = { type: 'string' } as const
  const schema = withImmutable({ type: 'object', required: ['a'], properties: { a: text, b: text, c: text } }, [
    'a',
    'b',
  ])

  it('compare each field on the field itself, which costs a status write the least', () => {
    const rules = Object.values(schema.properties ?? {}).map((field) => field['x-kubernetes-validations'] ?? [])
    expect(rules.map((own) => own.map(({ rule }) => rule))).to.deep.equal([
      ['self == oldSelf'],
      ['self == oldSelf'],
      [],
    ])
    for (const [{ message } = { message: '' }] of rules.slice(0, 2))
      expect(message).to.match(/^[ab] is immutable: .* delegate again instead$/)
  })

  it('compare only the presence of an optional field on its parent', () => {
    const [{ rule, fieldPath, message } = { rule: '', message: '' }, ...others] =
      schema['x-kubernetes-validations'] ?? []
    expect({ rule, fieldPath }).to.deep.equal({ rule: 'has(self.b) == has(oldSelf.b)', fieldPath: '.b' })
    expect(message).to.match(/^b is immutable: /)
    expect(others).to.deep.equal([])
  })

  it('cover every fact of a delegation: no other immutable field exists', () => {
    const limits = ['timeoutSeconds', 'queueTimeoutSeconds', 'startTimeoutSeconds']
    const wishes = ['priority', 'cancel', ...limits, 'ttlSecondsAfterFinished']
    expect(Object.keys(runnerJobSpec.properties)).to.have.members([...immutableFields, ...wishes])
  })
})

describe('the names of fields', () => {
  it('are no words that YAML 1.1 takes for a boolean: kubectl would send `true` instead', () => {
    const files = ['runnerjobs', 'runners', 'runnerpools'].map((name) => join(root, `crds/${name}.yaml`))
    for (const file of files) expect(readFileSync(file, 'utf8')).to.not.match(/^ *(y|n|yes|no|on|off|true|false):/im)
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
