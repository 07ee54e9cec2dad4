import { expect } from 'chai'
import * as fc from 'fast-check'
import { delegationFields } from '../../../../src/api/runner-job.ts'
import { isBlank } from '../../../../src/http/input/blank-text.ts'
import { asObject } from '../../../../src/kube/client/parse.ts'
import type { Operator } from '../../../processes/operator.ts'
import { call, expectFailure, expectMetadata, sendRaw } from '../../../site/calls/call.ts'
import { openSite, type Site, TOKEN } from '../../../site/site.ts'

const fields = Object.keys(delegationFields)
/** Answers that a caller can be to blame for. */
const allowed = [200, 201, 204, 400, 401, 404, 405, 409, 413, 415]

const known = { runId: '1', repository: 'owner/repo' }
let count = 0

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
  jobId: fc.oneof(fc.maxSafeNat(), fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).filter(isShown)),
  runId: fc.oneof(fc.maxSafeNat(), fc.stringMatching(/^[\w]{1,64}$/)),
  repository: fc.stringMatching(/^[\w-][\w.-]{0,30}\/[\w-][\w.-]{0,30}$/),
  workflow: fc.string({ unit: 'grapheme', maxLength: 60 }).filter(isPlain),
  labels: fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }).filter(isShown), { maxLength: 64 }),
  sha: fc.stringMatching(/^[0-9a-fA-F]{6,64}$/),
})

function isShown(text: string): boolean {
  return isPlain(text) && !isBlank(text)
}

function isPlain(text: string): boolean {
  return !/\p{Cc}/u.test(text)
}

describe('arbitrary input', function () {
  this.timeout('100s')
  let site: Site
  let operator: Operator

  before(async () => {
    site = await openSite()
    operator = await site.operator({ env: { TRUSTED_PROXIES: '127.0.0.0/8,::1', CORS_ORIGINS: '*' } })
  })
  after(() => site.close())

  const authorization = `Bearer ${TOKEN}`
  const delegate = (sent: unknown) => call(`${operator.url}/api/jobs/delegate`, { method: 'POST', body: sent })

  /** A slow machine may try less than a property wants, but not next to nothing. */
  async function holds<T>(property: fc.IAsyncProperty<T>, numRuns: number): Promise<void> {
    const details = await fc.check(property, { numRuns, endOnFailure: true, interruptAfterTimeLimit: 25_000 })
    if (details.failed) throw new Error(await fc.asyncDefaultReportMessage(details))
    expect(details.numRuns, 'runs in 25 s').to.be.at.least(numRuns / 4)
  }

  it('a body is accepted or rejected with a reason: never a 500, never a hang', async () => {
    await holds(
      fc.asyncProperty(body, async (value) => {
        const answer = await delegate(JSON.stringify(value))
        expect(answer.status, answer.text).to.be.oneOf([201, 400])
        if (answer.status === 400) expectFailure(answer, 400, 'InvalidRequest')
        else expectMetadata(answer.body)
      }),
      600,
    )
  })

  it('a valid body is accepted by the API server too', async () => {
    await holds(
      fc.asyncProperty(valid, async (value) => {
        const answer = await delegate(value)
        expect(answer.status, answer.text).to.equal(201)
      }),
      150,
    )
  })

  it('the prefix that a trusted proxy strips is part of the Location', async () => {
    const headers = { authorization, 'content-type': 'application/json', 'x-forwarded-prefix': '/team' }
    const sent = { jobId: 'prefixed', ...known }
    const made = await call(`${operator.url}/api/jobs/delegate`, { method: 'POST', body: sent, headers })
    expect(made.headers.get('location')).to.match(/^\/team\/api\/jobs\/[0-9a-f-]{36}$/)
    const document = await call(`${operator.url}/openapi.json`, { headers: { 'x-forwarded-prefix': '/team' } })
    expect(document.body['servers']).to.deep.equal([{ url: '/team' }])
  })

  it('bytes that are not JSON are rejected', async () => {
    await holds(
      fc.asyncProperty(fc.uint8Array({ maxLength: 3000 }), async (bytes) => {
        const headers = { authorization, 'content-type': 'application/json' }
        const options = { method: 'POST', body: bytes, headers }
        expect((await call(`${operator.url}/api/jobs/delegate`, options)).status).to.equal(400)
      }),
      200,
    )
  })

  it('a path, a query and a method get a response', async () => {
    const segment = fc.oneof(
      fc.constantFrom('api', 'jobs', 'runners', 'logs', 'status', '..', '%00', '%ff'),
      fc.webSegment(),
    )
    const method = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS')
    const query = fc.webQueryParameters()
    await holds(
      fc.asyncProperty(fc.array(segment, { maxLength: 5 }), query, method, async (path, parameters, verb) => {
        const answer = await call(`${operator.url}/${path.join('/')}?${parameters}`, {
          method: verb,
          headers: { authorization },
        })
        expect(answer.status, `${verb} ${path.join('/')}: ${answer.text}`).to.be.oneOf(allowed)
      }),
      400,
    )
  })

  it('a query of the lists and of a log gets a response', async () => {
    const names = fc.constantFrom(
      'page',
      'limit',
      'status',
      'repository',
      'startDate',
      'endDate',
      'type',
      'tail',
      'follow',
      '__proto__',
    )
    const value = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.integer().map(String),
      fc.constantFrom('true', 'running', '1e9', '-1', 'NaN'),
    )
    await holds(
      fc.asyncProperty(fc.array(fc.tuple(names, value), { maxLength: 6 }), async (pairs) => {
        const query = new URLSearchParams(
          pairs.map(([name, text]): [string, string] => [name, text.toWellFormed()]),
        ).toString()
        for (const path of ['/api/jobs', '/api/jobs/none/logs', '/api/runners']) {
          const answer = await call(`${operator.url}${path}?${query}`)
          expect(answer.status, `${path}?${query}: ${answer.text}`).to.be.oneOf([200, 400, 404])
        }
      }),
      200,
    )
  })

  it('an id of any form is looked for and not found', async () => {
    const id = fc.oneof(
      fc.string({ unit: 'binary', minLength: 1 }).map((text) => text.toWellFormed()),
      fc.uuid(),
      fc.stringMatching(/^[a-z0-9.-]{1,300}$/),
      fc.constantFrom('..', '%00', 'a%2fb', '__proto__', 'constructor', '-', "' or 1=1"),
    )
    await holds(
      fc.asyncProperty(id, fc.constantFrom('', '/logs'), async (text, rest) => {
        const answer = await call(`${operator.url}/api/jobs/${encodeURIComponent(text)}${rest}`)
        // A dot segment is another path, which may be that of the list.
        expect(answer.status, `${text}: ${answer.text}`).to.be.oneOf(/^\.{1,2}$/.test(text) ? [200, 404] : [404])
      }),
      200,
    )
  })

  const word = fc.oneof(fc.constantFrom('queued', 'running', 'completed', 'failed', 'Running'), fc.jsonValue())
  const place = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 300 }), fc.string({ unit: 'binary' }), fc.jsonValue())
  const reports = {
    'PATCH status': fc.record({ status: word, runnerId: place, containerId: place }, { requiredKeys: [] }),
    'POST proxy-complete': fc.record({ status: word, runId: place, jobId: place }, { requiredKeys: [] }),
  }
  for (const [route, report] of Object.entries(reports)) {
    it(`a body of ${route} is accepted or rejected with a reason`, async () => {
      const [method = '', action = ''] = route.split(' ')
      let id = ''
      await holds(
        fc.asyncProperty(fc.oneof(report, fc.jsonValue()), async (value) => {
          // A job that is over takes no more reports: the next one needs another.
          id ||= String(
            asObject((await delegate({ ...known, jobId: `report-${count++}` })).body['data'])['delegationId'],
          )
          const url = `${operator.url}/api/jobs/${id}/${action}`
          const answer = await call(url, { method, body: JSON.stringify(value) })
          expect(answer.status, answer.text).to.be.oneOf([200, 400, 409])
          if (answer.status === 400) expectFailure(answer, 400, 'InvalidRequest')
          const isOther = answer.body['code'] === 'OtherJob'
          if (answer.status === 409) expectFailure(answer, 409, isOther ? 'OtherJob' : 'IllegalTransition')
          if (answer.status !== 400 && !isOther) id = ''
        }),
        150,
      )
    })
  }

  it('a heartbeat with any name and body is accepted or rejected with a reason', async () => {
    const name = fc.oneof(
      fc.stringMatching(/^[\w. -]{1,30}$/),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 200 }).map((text) => text.toWellFormed()),
      fc.constantFrom('%', '..', '__proto__', 'a/b', '\u0000'),
    )
    const bodies = fc.oneof(
      fc.jsonValue(),
      fc.record(
        { labels: fc.oneof(fc.array(fc.string({ unit: 'grapheme' })), fc.jsonValue()), repository: place },
        { requiredKeys: [] },
      ),
    )
    await holds(
      fc.asyncProperty(name, bodies, async (text, value) => {
        const url = `${operator.url}/api/runners/${encodeURIComponent(text)}/heartbeat`
        const answer = await call(url, { method: 'POST', body: JSON.stringify(value) })
        // A dot segment is another path.
        const isOther = /^\.{1,2}$/.test(text)
        expect(answer.status, answer.text).to.be.oneOf(isOther ? [404, 405] : [200, 201, 400])
        if (answer.status === 400) expectFailure(answer, 400, 'InvalidRequest')
      }),
      80,
    )
  })

  it('headers of any content get a response', async () => {
    const words =
      'accept authorization content-encoding content-length content-type cookie expect forwarded host idempotency-key ' +
      'if-none-match origin range te transfer-encoding upgrade x-forwarded-for access-control-request-method'
    const printable = fc.string({ maxLength: 200 })
    const bytes = fc.uint8Array({ maxLength: 100 }).map((value) => Buffer.from(value).toString('latin1'))
    const telling = [
      'close',
      'chunked',
      '0',
      '-1',
      '*',
      '',
      'application/json',
      'https://page.example',
      '192.0.2.1, ::1',
    ]
    const value = fc.oneof(printable, bytes, fc.constantFrom(...telling, authorization))
    const headers = fc.array(fc.tuple(fc.constantFrom(...words.split(' ')), value), { maxLength: 8 })
    /** The first of repeated headers counts, so arbitrary ones must not always come after valid ones. */
    const right = fc.record({ host: fc.boolean(), authorization: fc.boolean(), type: fc.boolean() })
    const seen = new Set<number>()
    await holds(
      fc.asyncProperty(fc.boolean(), right, headers, async (posts, with_, pairs) => {
        const asked = { method: posts ? 'POST' : 'GET', url: `${operator.url}/api/jobs${posts ? '/delegate' : ''}` }
        const content = posts ? JSON.stringify({ ...known, jobId: `headers-${count++}` }) : ''
        const given: [string, string][] = [
          ...(with_.host ? [['host', 'x'] satisfies [string, string]] : []),
          ...(with_.authorization ? [['authorization', authorization] satisfies [string, string]] : []),
          ...(posts && with_.type ? [['content-type', 'application/json'] satisfies [string, string]] : []),
          ...(posts ? [['content-length', String(content.length)] satisfies [string, string]] : []),
          ...pairs,
        ]
        // Line ends within a value would make it two headers, which this is not about.
        const lines = given.map(([header, text]) => `${header}: ${text.replaceAll(/[\r\n]/g, ' ')}\r\n`)
        const head = `${asked.method} ${new URL(asked.url).pathname} HTTP/1.1\r\n${lines.join('')}`
        const sent = Buffer.from(`${head}Connection: close\r\n\r\n${content}`, 'latin1')
        const [{ status, text }] = await sendRaw(operator.url, sent, asked)
        seen.add(status)
        // An announced body that never comes is not awaited if no route reads it.
        expect(status, `${head}\n${text}`).to.be.oneOf(allowed)
        expect(text).to.not.match(/node_modules|\.ts:\d|at async/)
      }),
      400,
    )
    expect([...seen], 'what was answered').to.include.members([200, 201, 400, 401, 415])
  })

  it('the operator is alive and has logged no error', () => {
    expect(operator.isRunning).to.equal(true)
    const complaints = operator.log.filter(({ msg }) => msg === 'request failed' || msg === 'unhandled rejection')
    expect(complaints).to.deep.equal([])
  })
})
