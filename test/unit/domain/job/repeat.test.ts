import { expect } from 'chai'
import { DELEGATION_BODY_ANNOTATION } from '../../../../src/api/names.ts'
import type { RunnerJobStatus } from '../../../../src/api/runner-job.ts'
import { isRepeat } from '../../../../src/domain/job/repeat.ts'
import { aJob, at, stamp } from '../../../objects/builders.ts'

interface Case {
  status: RunnerJobStatus
  /** Seconds since the delegation. */
  age: number
  /** Second of its creation, if not 0. */
  madeAt?: number
  isNamed?: true
  hasMessage?: true
  deletionTimestamp?: string
  is: boolean
}

const over = { phase: 'Completed' } as const
const seen = { ...over, reported: { at: stamp(1), completedAt: stamp(1) } }

const cases: Record<string, Case> = {
  'that waits, however old it is': { status: { phase: 'Queued' }, age: 1e6, is: true },
  'that runs': { status: { phase: 'Running' }, age: 300, is: true },
  'that is finished, 14.9 s after its delegation': { status: over, age: 14.9, is: true },
  'that is finished, from 15 s on': { status: over, age: 15, is: false },
  'that was created later than delegated, counted from its creation': { status: over, age: 34, madeAt: 20, is: true },
  'that was created later than delegated, from 15 s on': { status: over, age: 35, madeAt: 20, is: false },
  'that failed, from 15 s on': { status: { phase: 'Failed' }, age: 16, is: false },
  'that was cancelled, from 15 s on': { status: { phase: 'Cancelled' }, age: 16, is: false },
  'whose end its proxy runner has seen, at once': { status: seen, age: 1, is: false },
  'whose end was reported otherwise': { status: { ...over, reported: { at: stamp(1) } }, age: 2, is: true },
  'with an Idempotency-Key, for the whole window': { status: over, age: 299, isNamed: true, is: true },
  'with an Idempotency-Key, after the window': { status: over, age: 300, isNamed: true, is: false },
  'with an Idempotency-Key, whose end was seen': { status: seen, age: 20, isNamed: true, is: true },
  'that came with its message, however long after its end': { status: seen, age: 1e6, hasMessage: true, is: true },
  'that is being deleted': { status: { phase: 'Running' }, age: 1, deletionTimestamp: stamp(1), is: false },
}

describe('a repeated delegation', () => {
  for (const [what, { status, age, madeAt = 0, isNamed, hasMessage, deletionTimestamp, is }] of Object.entries(cases)) {
    it(`${is ? 'refers' : 'does not refer'} to a job ${what}`, () => {
      const metadata = {
        creationTimestamp: stamp(madeAt),
        ...(isNamed === true && { annotations: { [DELEGATION_BODY_ANNOTATION]: 'hash' } }),
        ...(deletionTimestamp !== undefined && { deletionTimestamp }),
      }
      const options = { nowMs: at(age).getTime(), namedWindowMs: 300_000 }
      const message = hasMessage === true && { message: { id: 'a', parts: 1 } }
      expect(isRepeat(aJob({ metadata, status, spec: { delegatedAt: stamp(0), ...message } }), options)).to.equal(is)
    })
  }
})
