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
  it('needs three facts', () => {
    expect(parseDelegation(minimal)).to.deep.equal(minimal)
    expect(refusal({})).to.equal('jobId is required; runId is required; repository is required')
  })

  it('keeps every fact that it knows', () => {
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

  it('may have ids that are numbers, which become text', () => {
    const largest = Number.MAX_SAFE_INTEGER
    expect(parseDelegation({ ...minimal, jobId: 0, runId: largest })).to.include({ jobId: '0', runId: `${largest}` })
  })

  it('may hold more, which is left out: no caller sets what is the operator’s or the administrator’s', () => {
    const more = {
      cancel: true,
      poolName: 'gpu',
      delegatedAt: 'now',
      timeoutSeconds: 1,
      ttlSecondsAfterFinished: 0,
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
      'jobId must be a text that is not empty, or a whole number from 0 to 9007199254740991; send a larger one as text',
    ],
    [
      { ...minimal, jobId: 1.5 },
      'jobId must be a text that is not empty, or a whole number from 0 to 9007199254740991; send a larger one as text',
    ],
    [
      { ...minimal, jobId: -1 },
      'jobId must be a text that is not empty, or a whole number from 0 to 9007199254740991; send a larger one as text',
    ],
    [
      { ...minimal, runId: 2 ** 53 },
      'runId must be a text that is not empty, or a whole number from 0 to 9007199254740991; send a larger one as text',
    ],
    [
      { ...minimal, runId: null },
      'runId must be a text that is not empty, or a whole number from 0 to 9007199254740991; send a larger one as text',
    ],
    [
      { ...minimal, runId: 'a\nb' },
      'runId must be a text that is not empty, or a whole number from 0 to 9007199254740991; send a larger one as text',
    ],
    [{ ...minimal, repository: 'owner' }, 'repository must be owner/repo'],
    [{ ...minimal, repository: '../repo' }, 'repository must be owner/repo'],
    [{ ...minimal, repository: 5 }, 'repository must be a text'],
    [{ ...minimal, sha: 'main' }, 'sha must be 6 to 64 hex digits'],
    [{ ...minimal, workflow: 'a\u0000' }, 'workflow must not hold control characters'],
    [{ ...minimal, workflow: 'w'.repeat(257) }, 'workflow must not be longer than 256 characters'],
    [{ ...minimal, runAttempt: 0 }, 'runAttempt must be 1 or more'],
    [{ ...minimal, labels: ['ok', 'a\tb'] }, 'labels[1] must not hold control characters'],
    [{ ...minimal, labels: 'linux' }, 'labels must be a list'],
    [{ ...minimal, labels: Array.from({ length: 65 }, () => 'l') }, 'labels must not have more than 64 items'],
    [{ ...minimal, sha: 'x', ref: 5 }, 'sha must be 6 to 64 hex digits; ref must be a text'],
  ]
  for (const [body, why] of wrong) it(`is refused: ${why}`, () => expect(refusal(body)).to.equal(why))

  it('is refused with at most ten reasons', () => {
    const labels = Array.from({ length: 64 }, () => 5)
    expect(refusal({ ...minimal, labels }).split('; ')).to.have.length(10)
  })

  it('measures text in characters as the API server does, not in halves of them', () => {
    expect(parseDelegation({ ...minimal, actor: '🚀'.repeat(128) })).to.have.property('actor')
    expect(refusal({ ...minimal, actor: '🚀'.repeat(129) })).to.include('128 characters')
  })

  it('is taken or refused with 400, whatever the body holds', () => {
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
