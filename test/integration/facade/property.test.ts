import { expect } from 'chai'
import * as fc from 'fast-check'
import { delegationFields } from '../../../src/api/runner-job.ts'
import type { Operator } from '../../operator.ts'
import { openSite, type Site, TOKEN } from '../../site.ts'
import { call, expectFailure, expectMetadata } from '../../site/call.ts'

const fields = Object.keys(delegationFields)
/** Answers that a caller can be to blame for. */
const allowed = [200, 201, 400, 401, 404, 405, 409, 413, 415]

/** A delegation in which some fields are right, some are anything, and some are missing. */
const body = fc.oneof(
  fc.jsonValue(),
  fc.record(
    {
      jobId: fc.oneof(fc.stringMatching(/^[\w-]{1,20}$/), fc.integer(), fc.jsonValue()),
      runId: fc.oneof(fc.nat(), fc.string({ unit: 'binary' }), fc.jsonValue()),
      repository: fc.oneof(
        fc.constant('owner/repo'),
        fc.stringMatching(/^[\w.-]{0,8}\/[\w./-]{0,8}$/),
        fc.string({ unit: 'binary' }),
      ),
      labels: fc.oneof(fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 80 }), fc.jsonValue()),
      runAttempt: fc.oneof(fc.integer(), fc.double(), fc.jsonValue()),
      sha: fc.oneof(fc.stringMatching(/^[0-9a-f]{4,70}$/), fc.jsonValue()),
      ...Object.fromEntries(
        ['workflow', 'runnerName', 'ref', 'eventName', 'actor'].map((field) => [
          field,
          fc.oneof(fc.string({ unit: 'grapheme', maxLength: 1500 }), fc.string({ unit: 'binary' }), fc.jsonValue()),
        ]),
      ),
    },
    { requiredKeys: [] },
  ),
  fc.dictionary(fc.constantFrom(...fields, '__proto__', 'constructor', 'toString', ''), fc.jsonValue()),
)

/** Valid in every field, at its limits and beyond ASCII. */
const valid = fc.record({
  jobId: fc.oneof(fc.maxSafeNat(), fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).filter(isPlain)),
  runId: fc.oneof(fc.maxSafeNat(), fc.stringMatching(/^[\w]{1,64}$/)),
  repository: fc.stringMatching(/^[\w-][\w.-]{0,30}\/[\w-][\w.-]{0,30}$/),
  workflow: fc.string({ unit: 'grapheme', maxLength: 60 }).filter(isPlain),
  labels: fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }).filter(isPlain), { maxLength: 64 }),
  sha: fc.stringMatching(/^[0-9a-fA-F]{6,64}$/),
})

function isPlain(text: string): boolean {
  return !/\p{Cc}/u.test(text)
}

describe('whatever is sent', function () {
  this.timeout('100s')
  let site: Site
  let operator: Operator

  before(async () => {
    site = await openSite()
    operator = await site.operator()
  })
  after(() => site.close())

  const authorization = `Bearer ${TOKEN}`
  const delegate = (sent: unknown) => call(`${operator.url}/api/jobs/delegate`, { method: 'POST', body: sent })

  const settings = (numRuns: number) => ({ numRuns, endOnFailure: true, interruptAfterTimeLimit: 25_000 })

  it('a body is taken or refused with a reason: never a 500, never a hang', async () => {
    await fc.assert(
      fc.asyncProperty(body, async (value) => {
        const answer = await delegate(JSON.stringify(value))
        expect(answer.status, answer.text).to.be.oneOf([201, 400])
        if (answer.status === 400) expectFailure(answer, 400, 'InvalidRequest')
        else expectMetadata(answer.body)
      }),
      settings(600),
    )
  })

  it('a valid body is taken by the API server as well', async () => {
    await fc.assert(
      fc.asyncProperty(valid, async (value) => {
        const answer = await delegate(value)
        expect(answer.status, answer.text).to.equal(201)
      }),
      settings(150),
    )
  })

  it('bytes that are no JSON are refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 3000 }), async (bytes) => {
        const headers = { authorization, 'content-type': 'application/json' }
        const options = { method: 'POST', body: bytes, headers }
        expect((await call(`${operator.url}/api/jobs/delegate`, options)).status).to.equal(400)
      }),
      settings(200),
    )
  })

  it('a path, a query and a method are answered', async () => {
    const segment = fc.oneof(
      fc.constantFrom('api', 'jobs', 'runners', 'logs', 'status', '..', '%00', '%ff'),
      fc.webSegment(),
    )
    const method = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS')
    const query = fc.webQueryParameters()
    await fc.assert(
      fc.asyncProperty(fc.array(segment, { maxLength: 5 }), query, method, async (path, parameters, verb) => {
        const answer = await call(`${operator.url}/${path.join('/')}?${parameters}`, {
          method: verb,
          headers: { authorization },
        })
        expect(answer.status, `${verb} ${path.join('/')}: ${answer.text}`).to.be.oneOf(allowed)
      }),
      settings(400),
    )
  })

  it('a query of the list and of a log is answered', async () => {
    const names = fc.constantFrom(
      'page',
      'limit',
      'status',
      'repository',
      'startDate',
      'endDate',
      'tail',
      'follow',
      '__proto__',
    )
    const value = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.integer().map(String),
      fc.constantFrom('true', 'running', '1e9', '-1', 'NaN'),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(names, value), { maxLength: 6 }), async (pairs) => {
        const query = new URLSearchParams(
          pairs.map(([name, text]): [string, string] => [name, text.toWellFormed()]),
        ).toString()
        for (const path of ['/api/jobs', '/api/jobs/none/logs']) {
          const answer = await call(`${operator.url}${path}?${query}`)
          expect(answer.status, `${path}?${query}: ${answer.text}`).to.be.oneOf([200, 400, 404])
        }
      }),
      settings(200),
    )
  })

  it('the operator lives, and has nothing to complain of', () => {
    expect(operator.isRunning).to.equal(true)
    const complaints = operator.log.filter(({ msg }) => msg === 'request failed' || msg === 'unhandled rejection')
    expect(complaints).to.deep.equal([])
  })
})
