import { expect } from 'chai'
import * as fc from 'fast-check'
import type { NewRunnerJobSpec } from '../../../../src/api/runner-job.ts'
import { HttpError } from '../../../../src/http/http-error.ts'
import { keyOfDelegation, parseIdempotencyKey } from '../../../../src/http/jobs/delegation-key.ts'

const spec: NewRunnerJobSpec = { repository: 'owner/repo', runId: '1', jobId: '2' }
const keyOf = (facts: Partial<NewRunnerJobSpec> = {}, idempotencyKey?: string, user = 'user') =>
  keyOfDelegation({ spec: { ...spec, ...facts }, user, idempotencyKey })

describe('the key of a delegation', () => {
  it('consists of five facts without an Idempotency-Key, whoever sends them', () => {
    expect(keyOf().key).to.equal(keyOf({ workflow: 'w', labels: ['x'] }, undefined, 'somebody').key)
    const others = [
      { repository: 'owner/other' },
      { runId: '2' },
      { runAttempt: 1 },
      { jobId: '3' },
      { runnerName: 'r' },
    ]
    const keys = [{}, ...others].map((facts) => keyOf(facts).key)
    expect(new Set(keys).size).to.equal(6)
    expect(keyOf().body).to.equal(undefined)
  })

  it('was another one of each caller before', () => {
    const before = [keyOf().earlierKey, keyOf({}, undefined, 'b').earlierKey, keyOf({ jobId: '3' }).earlierKey]
    expect(new Set([keyOf().key, ...before]).size).to.equal(4)
    expect(keyOf({}, 'key').earlierKey, 'with an Idempotency-Key').to.equal(undefined)
  })

  it('ignores the case of the repository, with and without an Idempotency-Key', () => {
    const other = { repository: 'Owner/REPO' }
    expect(keyOf(other)).to.deep.equal(keyOf())
    expect(keyOf(other, 'a')).to.deep.equal(keyOf({}, 'a'))
  })

  it('is the Idempotency-Key of one caller', () => {
    expect(keyOf({}, 'a').key).to.equal(keyOf({ jobId: '9' }, 'a').key)
    const keys = [keyOf({}, 'a'), keyOf({}, 'b'), keyOf({}, 'a', 'somebody'), keyOf()].map(({ key }) => key)
    expect(new Set(keys).size).to.equal(4)
  })

  it('distinguishes every fact under an Idempotency-Key, in any order', () => {
    expect(keyOf({ sha: 'abcdef', ref: 'r' }, 'a')).to.deep.equal(keyOf({ ref: 'r', sha: 'abcdef' }, 'a'))
    const others = [{}, { labels: [] }, { labels: ['a', 'b'] }, { labels: ['a,b'] }, { workflow: '' }, { actor: 'a' }]
    expect(new Set(others.map((facts) => keyOf(facts, 'a').body)).size).to.equal(others.length)
  })

  it('cannot be crafted to look like facts', () => {
    const looks = keyOfDelegation({
      spec: { repository: 'Idempotency-Key', runId: 'user', jobId: 'a' },
      user: 'user',
      idempotencyKey: undefined,
    })
    expect(looks.key).to.not.equal(keyOf({}, 'a').key)
  })
})

describe('the header Idempotency-Key', () => {
  const bad = ['', ' ', 'a b', 'a, b', 'ü', 'a\u007f', 'k'.repeat(256), ['a', 'b']]
  for (const header of bad) {
    it(`is refused as ${JSON.stringify(header).slice(0, 20)}`, () => {
      expect(() => parseIdempotencyKey(header)).to.throw(/^Idempotency-Key must/)
    })
  }

  it('is used unchanged, and is optional', () => {
    for (const header of ['a', '"8e03978e"', '~!'.repeat(127), undefined]) {
      expect(parseIdempotencyKey(header)).to.equal(header)
    }
  })

  it('is used unchanged or rejected with 400, whatever it contains, and never repeated in the error', () => {
    const words = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[!-~]{0,300}$/))
    const header = fc.oneof(words, fc.array(words, { maxLength: 3 }))
    let taken = 0
    fc.assert(
      fc.property(header, (given) => {
        try {
          expect(parseIdempotencyKey(given)).to.equal(given)
          expect(String(given)).to.match(/^[!-~]{1,255}$/)
          taken += 1
        } catch (error) {
          if (!(error instanceof HttpError)) throw error
          expect(error.status).to.equal(400)
          expect(error.message).to.equal('Idempotency-Key must be 1 to 255 ASCII characters without spaces, given once')
          expect(typeof given === 'string' && /^[!-~]{1,255}$/.test(given)).to.equal(false)
        }
      }),
      { numRuns: 2000 },
    )
    expect(taken).to.be.above(0)
  })
})
