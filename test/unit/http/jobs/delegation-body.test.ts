import { expect } from 'chai'
import { anything, assert, constantFrom, dictionary, jsonValue, oneof, property, string } from 'fast-check'
import { delegationFields } from '../../../../src/api/runner-job.ts'
import { HttpError } from '../../../../src/http/http-error.ts'
import { parseDelegation } from '../../../../src/http/jobs/delegation-body.ts'

const minimal = { jobId: '2', runId: '1', repository: 'owner/repo' }

/** The message of the refusal, which is a 400. */
function refusal(body: unknown): string {
  try {
    parseDelegation(body)
  } catch (error) {
    if (error instanceof HttpError && error.status === 400) return error.message
    throw error
  }
  throw new Error(`was taken: ${JSON.stringify(body)}`)
}

describe('a delegation', () => {
  it('requires three facts', () => {
    expect(parseDelegation(minimal)).to.deep.equal(minimal)
    expect(refusal({})).to.equal('jobId is required; runId is required; repository is required')
  })

  it('keeps every known fact', () => {
    const full = {
      ...minimal,
      runAttempt: 2,
      workflow: 'CI',
      runnerName: 'proxy',
      sha: 'abcdef0',
      ref: 'refs/heads/main',
      eventName: 'push',
      actor: 'octocat',
      labels: ['self-hosted'],
    }
    expect(Object.keys(full)).to.have.members(Object.keys(delegationFields))
    expect(parseDelegation(full)).to.deep.equal(full)
  })

  it('converts numeric ids to strings', () => {
    const largest = Number.MAX_SAFE_INTEGER
    expect(parseDelegation({ ...minimal, jobId: 0, runId: largest })).to.include({ jobId: '0', runId: `${largest}` })
  })

  it('ignores unknown fields: no caller sets fields of the operator or the administrator', () => {
    const more = {
      cancel: true,
      poolName: 'gpu',
      delegatedAt: 'now',
      timeoutSeconds: 1,
      ttlSecondsAfterFinished: 0,
      priority: 100,
      x: 1,
    }
    expect(parseDelegation({ ...minimal, ...more })).to.deep.equal(minimal)
  })

  const wrong: [body: unknown, why: string][] = [
    [null, 'body must be a JSON object'],
    [[], 'body must be a JSON object'],
    ['text', 'body must be a JSON object'],
    [
      { ...minimal, jobId: '' },
      'jobId must be a non-empty string or a whole number from 0 to 9007199254740991; send a larger one as a string',
    ],
    [
      { ...minimal, jobId: 1.5 },
      'jobId must be a non-empty string or a whole number from 0 to 9007199254740991; send a larger one as a string',
    ],
    [
      { ...minimal, jobId: -1 },
      'jobId must be a non-empty string or a whole number from 0 to 9007199254740991; send a larger one as a string',
    ],
    [
      { ...minimal, runId: 2 ** 53 },
      'runId must be a non-empty string or a whole number from 0 to 9007199254740991; send a larger one as a string',
    ],
    [
      { ...minimal, runId: null },
      'runId must be a non-empty string or a whole number from 0 to 9007199254740991; send a larger one as a string',
    ],
    [
      { ...minimal, runId: 'a\nb' },
      'runId must be a non-empty string or a whole number from 0 to 9007199254740991; send a larger one as a string',
    ],
    [{ ...minimal, repository: 'owner' }, 'repository must be owner/repo'],
    [{ ...minimal, repository: '../repo' }, 'repository must be owner/repo'],
    [{ ...minimal, repository: 5 }, 'repository must be a string'],
    [{ ...minimal, sha: 'main' }, 'sha must be 6 to 64 hex digits'],
    [{ ...minimal, workflow: 'a\u0000' }, 'workflow must not contain control characters'],
    [{ ...minimal, workflow: 'w'.repeat(257) }, 'workflow must not be longer than 256 characters'],
    [{ ...minimal, runAttempt: 0 }, 'runAttempt must be 1 or more'],
    [{ ...minimal, labels: ['ok', 'a\tb'] }, 'labels[1] must not contain control characters'],
    [{ ...minimal, labels: 'linux' }, 'labels must be a list'],
    [{ ...minimal, labels: ['ok', ' '] }, 'labels[1] must not be blank'],
    [{ ...minimal, labels: [''] }, 'labels[0] must not be empty'],
    [{ ...minimal, jobId: '   ' }, 'jobId must not be blank'],
    [{ ...minimal, runId: ' ' }, 'runId must not be blank'],
    [{ ...minimal, repository: ' ' }, 'repository must not be blank'],
    [{ ...minimal, repository: ' owner/repo' }, 'repository must be owner/repo'],
    [{ ...minimal, runAttempt: '0' }, 'runAttempt must be a whole number from 1 to 10000'],
    [{ ...minimal, runAttempt: '10001' }, 'runAttempt must be a whole number from 1 to 10000'],
    [{ ...minimal, runAttempt: '1.5' }, 'runAttempt must be a whole number from 1 to 10000'],
    [{ ...minimal, runAttempt: true }, 'runAttempt must be a whole number'],
    [{ ...minimal, sha: '\n' }, 'sha must be 6 to 64 hex digits'],
    [{ ...minimal, labels: Array.from({ length: 65 }, () => 'l') }, 'labels must not have more than 64 items'],
    [{ ...minimal, sha: 'x', ref: 5 }, 'sha must be 6 to 64 hex digits; ref must be a string'],
  ]
  for (const [body, why] of wrong) it(`is refused: ${why}`, () => expect(refusal(body)).to.equal(why))

  it('is rejected if an id is blank, with any of Unicode’s blanks', () => {
    const blanks = Array.from(
      '\u0020\u00a0\u00ad\u1680\u180e\u200b\u200f\u2028\u2029\u202f\u205f\u2060\u2800\u3000\ufeff',
    )
    for (const blank of [...blanks, ...Array.from({ length: 11 }, (_, index) => String.fromCharCode(0x2000 + index))]) {
      for (const field of ['jobId', 'runId']) {
        expect(refusal({ ...minimal, [field]: blank.repeat(3) })).to.equal(`${field} must not be blank`)
      }
      expect(parseDelegation({ ...minimal, jobId: `${blank}1${blank}` }).jobId).to.equal(`${blank}1${blank}`)
    }
  })

  it('is rejected in linear time, however long its blanks are', () => {
    const begun = performance.now()
    expect(refusal({ ...minimal, jobId: `${' '.repeat(250_000)}\n`, runId: `${'a'.repeat(250_000)}\n` })).to.include(
      'jobId',
    )
    expect(performance.now() - begun, 'milliseconds').to.be.below(1000)
  })

  it('drops every optional fact that is null, empty or blank', () => {
    const optional = Object.keys(delegationFields).filter((field) => !(field in minimal))
    expect(optional).to.have.length(8)
    for (const nothing of [null, '', '  ', '\u3000']) {
      const texts = optional.filter((field) => field !== 'labels')
      const facts = Object.fromEntries(texts.map((field) => [field, nothing]))
      expect(parseDelegation({ ...minimal, ...facts, labels: null }), JSON.stringify(nothing)).to.deep.equal(minimal)
    }
    expect(parseDelegation({ ...minimal, labels: [] })).to.deep.equal(minimal)
  })

  it('accepts an attempt as a string', () => {
    for (const [given, taken] of Object.entries({ 1: 1, 10: 10, 9999: 9999, 10000: 10_000 })) {
      expect(parseDelegation({ ...minimal, runAttempt: given }).runAttempt).to.equal(taken)
    }
  })

  it('keeps each label once, ignoring case as GitHub does', () => {
    const labels = [' linux ', 'Linux', 'GPU', 'gpu', '\u00a0x64', 'two words']
    expect(parseDelegation({ ...minimal, labels }).labels).to.deep.equal(['linux', 'GPU', 'x64', 'two words'])
  })

  it('is rejected with at most ten reasons', () => {
    const labels = Array.from({ length: 64 }, () => 5)
    expect(refusal({ ...minimal, labels }).split('; ')).to.have.length(10)
  })

  it('measures text in code points as the API server does, not in UTF-16 units', () => {
    expect(parseDelegation({ ...minimal, actor: '🚀'.repeat(128) })).to.have.property('actor')
    expect(refusal({ ...minimal, actor: '🚀'.repeat(129) })).to.include('128 characters')
  })

  it('is accepted or rejected with 400, whatever the body contains', () => {
    const field = constantFrom(...Object.keys(delegationFields), '__proto__', 'constructor', 'toString', '')
    const fields = dictionary(oneof(field, string()), oneof(jsonValue(), anything()))
    const isCivil = property(fields, oneof(jsonValue(), anything()), (more, body) => {
      for (const each of [{ ...minimal, ...more }, more, body]) {
        try {
          expect(Object.keys(delegationFields)).to.include.members(Object.keys(parseDelegation(each)))
        } catch (error) {
          expect(error).to.be.instanceOf(HttpError).with.property('status', 400)
        }
      }
    })
    assert(isCivil, { numRuns: 2000 })
  })
})
