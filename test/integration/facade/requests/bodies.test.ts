import { expect } from 'chai'
import { runnerJobs } from '../../../../src/api/runner-job.ts'
import type { Operator } from '../../../processes/operator.ts'
import { call, expectFailure, openAnswer } from '../../../site/calls/call.ts'
import { openSite, type Site, TOKEN } from '../../../site/site.ts'

const good = { jobId: '1', runId: '1', repository: 'owner/repo' }
const KIB = 1024

/** A body, and what the refusal must name. */
type Bad = [body: unknown, named: string]

const text = (length: number) => 'x'.repeat(length)
const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
const withKey = (key: string, inner: string) =>
  JSON.stringify({ ...good, x: 0 }).replace('"x":0', `"x":{"${key}":${inner}}`)

const bad: Record<string, Bad> = {
  'nothing at all': ['', 'JSON'],
  'no JSON': ['{"jobId":', 'JSON'],
  'two values': ['{} {}', 'JSON'],
  'a form': ['jobId=1&runId=1', 'JSON'],
  'JSON with a comment': ['{/* */}', 'JSON'],
  'a number beyond JSON': ['{"jobId": NaN}', 'JSON'],
  'invalid UTF-8': [Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]), 'UTF-8'],
  'UTF-16': [Buffer.from(JSON.stringify(good), 'utf16le'), 'UTF-8'],
  null: ['null', 'body'],
  'a list': [[good], 'body'],
  'a text': ['"x"', 'body'],
  'a number': ['7', 'body'],
  'an empty object': [{}, 'jobId is required'],
  'no jobId': [{ ...good, jobId: undefined }, 'jobId is required'],
  'no runId': [{ ...good, runId: undefined }, 'runId is required'],
  'no repository': [{ ...good, repository: undefined }, 'repository is required'],
  'an empty jobId': [{ ...good, jobId: '' }, 'jobId'],
  'a jobId that is null': [{ ...good, jobId: null }, 'jobId'],
  'a jobId that is a fraction': [{ ...good, jobId: 1.5 }, 'jobId'],
  'a jobId below zero': [{ ...good, jobId: -1 }, 'jobId'],
  'a jobId that a JSON number does not hold exactly': [
    '{"jobId":9007199254740993,"runId":1,"repository":"a/b"}',
    'jobId',
  ],
  'a jobId that is infinite': ['{"jobId":1e999,"runId":1,"repository":"a/b"}', 'jobId'],
  'a jobId that is a list': [{ ...good, jobId: ['1'] }, 'jobId'],
  'a jobId that is an object': [{ ...good, jobId: { toString: '1' } }, 'jobId'],
  'a jobId that is true': [{ ...good, jobId: true }, 'jobId'],
  'a long jobId': [{ ...good, jobId: text(257) }, 'jobId'],
  'a runId that is null': [{ ...good, runId: null }, 'runId'],
  'a long runId': [{ ...good, runId: text(65) }, 'runId'],
  'a zero byte in the runId': [{ ...good, runId: 'a\u0000b' }, 'runId'],
  'a line break in the jobId': [{ ...good, jobId: 'a\nb' }, 'jobId'],
  'a repository without owner': [{ ...good, repository: 'repo' }, 'repository must be owner/repo'],
  'a repository of three parts': [{ ...good, repository: 'a/b/c' }, 'repository'],
  'a repository that leaves': [{ ...good, repository: '../repo' }, 'repository'],
  'a repository of dots': [{ ...good, repository: 'owner/..' }, 'repository'],
  'a repository with a space': [{ ...good, repository: 'owner/re po' }, 'repository'],
  'a repository that ends with a line break': [{ ...good, repository: 'owner/repo\n' }, 'repository'],
  'a repository in a URL': [{ ...good, repository: 'https://github.com/owner/repo' }, 'repository'],
  'a repository with a command': [{ ...good, repository: 'owner/$(id)' }, 'repository'],
  'a long repository': [{ ...good, repository: `owner/${text(140)}` }, 'repository'],
  'a repository that is a number': [{ ...good, repository: 7 }, 'repository must be a string'],
  'a workflow that is a number': [{ ...good, workflow: 7 }, 'workflow must be a string'],
  'a long workflow': [{ ...good, workflow: text(257) }, 'workflow'],
  'an escape sequence in the workflow': [{ ...good, workflow: '\u001b[31mred' }, 'workflow'],
  'half a character in the workflow': [
    String.raw`{"jobId":"1","runId":"1","repository":"a/b","workflow":"\ud800"}`,
    'workflow',
  ],
  'a runnerName that is an object': [{ ...good, runnerName: {} }, 'runnerName must be a string'],
  'a long runnerName': [{ ...good, runnerName: text(129) }, 'runnerName'],
  'a sha that is no hex': [{ ...good, sha: 'not-a-sha' }, 'sha must be 6 to 64 hex digits'],
  'a short sha': [{ ...good, sha: 'abc' }, 'sha'],
  'a long sha': [{ ...good, sha: 'a'.repeat(65) }, 'sha'],
  'a ref that is a list': [{ ...good, ref: [] }, 'ref must be a string'],
  'a long ref': [{ ...good, ref: text(1025) }, 'ref'],
  'an eventName that is true': [{ ...good, eventName: true }, 'eventName must be a string'],
  'a jobId of blanks': [{ ...good, jobId: ' \u3000' }, 'jobId must not be blank'],
  'a runId of blanks': [{ ...good, runId: '  ' }, 'runId must not be blank'],
  'a repository of blanks': [{ ...good, repository: '  ' }, 'repository must not be blank'],
  'a label of blanks': [{ ...good, labels: ['linux', ' '] }, 'labels[1] must not be blank'],
  'a runAttempt that is a word': [{ ...good, runAttempt: 'one' }, 'runAttempt must be a whole number'],
  'a runAttempt of 0': [{ ...good, runAttempt: 0 }, 'runAttempt'],
  'labels that are text': [{ ...good, labels: 'linux' }, 'labels must be a list'],
  'labels that are an object': [{ ...good, labels: { length: 1 } }, 'labels must be a list'],
  'a label that is a number': [{ ...good, labels: ['linux', 7] }, 'labels[1] must be a string'],
  'an empty label': [{ ...good, labels: [''] }, 'labels[0]'],
  'a long label': [{ ...good, labels: [text(257)] }, 'labels[0]'],
  'ten thousand labels': [{ ...good, labels: Array.from({ length: 10_000 }, (_, index) => `l${index}`) }, 'labels'],
  'ten wrong fields': [
    {
      jobId: 1.5,
      runId: [],
      repository: 1,
      workflow: 2,
      sha: 3,
      ref: 4,
      eventName: 5,
      actor: 6,
      labels: 7,
      runnerName: 8,
    },
    'repository',
  ],
  'a hundred thousand values': [JSON.stringify({ ...good, x: Array.from({ length: 100_000 }, () => 0) }), 'values'],
  'a depth of 33': [nested(33), 'nested'],
  'a depth of 20,000': [nested(20_000), 'nested'],
  'brackets alone': ['['.repeat(200 * KIB), 'JSON'],
}
for (const key of ['__proto__', 'constructor', 'prototype']) {
  bad[`the key ${key} at the top`] = [JSON.stringify(good).replace('{', `{"${key}":{"polluted":true},`), key]
  bad[`the key ${key} within`] = [withKey('a', `[{"${key}":{}}]`), key]
  bad[`the key ${key}, escaped`] = [withKey(`\\u00${key.charCodeAt(0).toString(16)}${key.slice(1)}`, '1'), key]
}

describe('request bodies', function () {
  this.timeout('60s')
  let site: Site
  let operator: Operator
  let url: string

  before(async () => {
    site = await openSite()
    operator = await site.operator()
    url = `${operator.url}/api/jobs/delegate`
  })
  afterEach(() => expect(operator.isRunning, 'the operator lives').to.equal(true))
  after(() => site.close())

  const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' }
  const post = (body: unknown) => call(url, { method: 'POST', body, headers })

  for (const [name, [body, named]] of Object.entries(bad)) {
    it(`responds 400 with the reason: ${name}`, async () => {
      const answer = await post(body)
      expectFailure(answer, 400, 'InvalidRequest')
      expect(answer.body['error']).to.include(named)
      expect(answer.text.length, 'an answer of reasonable length').to.be.below(2000)
    })
  }

  it('responds 413 to a megabyte, and the sender gets the response', async () => {
    expectFailure(await post({ ...good, workflow: text(1024 * KIB) }), 413, 'BodyTooLarge')
  })

  it('responds 413 to a megabyte without a Content-Length', async () => {
    const piece = new TextEncoder().encode(text(64 * KIB))
    const body = new ReadableStream<Uint8Array>({
      start(stream) {
        for (let sent = 0; sent < 16; sent += 1) stream.enqueue(piece)
        stream.close()
      },
    })
    const response = await openAnswer(url, { method: 'POST', headers, body, duplex: 'half' })
    expect(response.status).to.equal(413)
  })

  it('accepts a body of exactly 256 KiB', async () => {
    const start = JSON.stringify({ ...good, x: '' })
    const { status } = await post(JSON.stringify({ ...good, x: text(256 * KIB - start.length) }))
    expect(status).to.equal(201)
    expectFailure(await post(JSON.stringify({ ...good, x: text(256 * KIB - start.length + 1) })), 413, 'BodyTooLarge')
  })

  it('accepts 32 levels, and text in every script', async () => {
    const inner: unknown = JSON.parse(nested(31))
    expect((await post({ ...good, inner })).status).to.equal(201)
    const scripts = { workflow: 'ü 漢字 🚀 עברית', actor: '\u202eevil', ref: 'refs/heads/$(id);`id`&&rm -rf' }
    const { status, body } = await post({ ...good, jobId: 'scripts', ...scripts })
    expect(status, JSON.stringify(body)).to.equal(201)
    const job = (await site.list(runnerJobs)).find(({ spec }) => spec.jobId === 'scripts')
    expect(job?.spec).to.include(scripts)
  })

  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    '',
    'json',
  ]) {
    it(`responds 415 to the content type "${type}"`, async () => {
      const answer = await call(url, {
        method: 'POST',
        body: JSON.stringify(good),
        headers: { ...headers, 'content-type': type },
      })
      expectFailure(answer, 415, 'UnsupportedMediaType')
    })
  }

  for (const type of ['application/json; charset=utf-8', 'APPLICATION/JSON', 'application/vnd.api+json']) {
    it(`accepts the content type "${type}"`, async () => {
      const { status } = await call(url, {
        method: 'POST',
        body: JSON.stringify(good),
        headers: { ...headers, 'content-type': type },
      })
      expect(status).to.equal(201)
    })
  }

  const wrong: Record<string, [method: string, allow: string]> = {
    '/api/jobs/delegate': ['PUT', 'POST'],
    '/api/jobs/00000000-0000-4000-8000-000000000000': ['DELETE', 'GET, HEAD'],
    '/api/jobs/x/logs': ['POST', 'GET, HEAD'],
    '/health': ['POST', 'GET, HEAD'],
  }
  for (const [path, [method, allow]] of Object.entries(wrong)) {
    it(`responds 405 with Allow to ${method} ${path}`, async () => {
      const answer = await call(`${operator.url}${path}`, { method, headers: { authorization: `Bearer ${TOKEN}` } })
      expectFailure(answer, 405, 'MethodNotAllowed')
      expect(answer.headers.get('allow')?.split(', ')).to.include.members(allow.split(', '))
    })
  }

  for (const path of [
    '/',
    '/api',
    '/api/',
    '/api/job',
    '/api/jobs/a/b',
    '/API/jobs',
    '/favicon.ico',
    '/api/jobs%2fdelegate',
  ]) {
    it(`responds 404 to ${path}`, async () => {
      expectFailure(await call(`${operator.url}${path}`), 404, 'NotFound')
    })
  }

  it('created no job from rejected bodies', async () => {
    for (const { spec } of await site.list(runnerJobs)) expect(spec.repository).to.equal('owner/repo')
    const names = (await site.list(runnerJobs)).map(({ spec }) => spec.jobId)
    expect(new Set(names)).to.deep.equal(new Set(['1', 'scripts']))
  })
})
