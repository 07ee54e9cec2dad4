import { rename, writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { asObject } from '../../../src/kube/client/parse.ts'
import type { Operator } from '../../processes/operator.ts'
import { call, expectFailure, sendRaw } from '../../site/calls/call.ts'
import { CALLERS } from '../../site/namespace.ts'
import { openSite, type Site, TOKEN, TOKEN_LINE } from '../../site/site.ts'

const NEW = 'another-token'

describe('authentication', function () {
  this.timeout('60s')
  let site: Site
  let operator: Operator
  let url: string

  before(async () => {
    site = await openSite()
    operator = await site.operator()
    url = operator.url
  })
  after(() => site.close())

  const as = (authorization: string, path = '/api/jobs/none') => call(`${url}${path}`, { headers: { authorization } })

  const strangers: Record<string, string> = {
    'an unknown token': 'Bearer nobody',
    'an empty token': 'Bearer ',
    'another scheme': `Basic ${Buffer.from(`tester:${TOKEN}`).toString('base64')}`,
    'the bare token': TOKEN,
    'a part of a token': `Bearer ${TOKEN.slice(0, -1)}`,
    'a token and more': `Bearer ${TOKEN}x`,
    'two tokens': `Bearer ${TOKEN} ${TOKEN}`,
    'the user’s name': 'Bearer tester',
    'a line of the file': `Bearer ${TOKEN},tester`,
    'an unsigned JWT': `Bearer ${Buffer.from('{"alg":"none"}').toString('base64url')}.e30.`,
    'a very long token': `Bearer ${'x'.repeat(8000)}`,
    'the name of a property': 'Bearer __proto__',
  }
  for (const [name, authorization] of Object.entries(strangers)) {
    it(`refuses ${name}`, async () => {
      const answer = await as(authorization)
      expectFailure(answer, 401, 'Unauthorized')
      expect(answer.headers.get('www-authenticate')).to.equal('Bearer')
    })
  }

  it('rejects a request without a token', async () => {
    expectFailure(await call(`${url}/api/jobs/none`, { headers: {} }), 401, 'Unauthorized')
  })

  it('rejects a token in the query', async () => {
    const query = `/api/jobs/none?token=${TOKEN}&access_token=${TOKEN}`
    expectFailure(await call(`${url}${query}`, { headers: {} }), 401, 'Unauthorized')
  })

  it('accepts the scheme in any case', async () => {
    for (const scheme of ['Bearer', 'bearer', 'BEARER']) expectFailure(await as(`${scheme} ${TOKEN}`), 404, 'NotFound')
  })

  // Whatever a router makes of a path, none of these may reach a route unasked.
  const paths = [
    '/api',
    '/api/',
    '/api/jobs',
    '/api/jobs/',
    '/API/jobs',
    '/Api/Jobs',
    '/aPi/jobs/none',
    '/api/jobs/none/logs',
    '/API/jobs/none/logs?follow=true',
    '/api/jobs/none/status',
    '/api/runners',
    '/api/metrics',
    '/api/no-such-thing',
    '/api/jobs/%2e%2e/jobs',
    '/api/jobs?x=/health',
    '/api/jobs#/health',
    '/health/../api/jobs',
    '/api/%2e%2e/health',
    '/api;/jobs',
    '/./api/jobs',
    '//api/jobs',
    '/api//jobs',
    '/%61pi/jobs',
    '/api%2fjobs',
    '/\\api/jobs',
  ]
  for (const path of paths) {
    it(`gives an unknown caller nothing at ${path}`, async () => {
      for (const method of ['GET', 'POST', 'PATCH', 'PUT', 'DELETE', 'OPTIONS']) {
        const head = `${method} ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json`
        const answers = await sendRaw(url, `${head}\r\nContent-Length: 2\r\n\r\n{}`)
        expect(answers, `${method} ${path}`).to.have.length(1)
        expect(answers[0].status, `${method} ${path}`).to.be.oneOf([400, 401, 404, 405])
        expect(answers[0].body['success'], answers[0].text).to.equal(false)
      }
    })
  }

  it('needs no token for health only', async () => {
    for (const path of ['/health', '/livez', '/readyz']) {
      expect((await call(`${url}${path}`, { headers: {} })).status, path).to.equal(200)
    }
  })

  it('answers /health as documented', async () => {
    const { body } = await call(`${url}/health`, { headers: {} })
    expect(body).to.have.all.keys('status', 'timestamp', 'checks')
    expect(body).to.include({ status: 'healthy' })
    expect(asObject(body['checks'])).to.deep.equal({ database: 'pass' })
  })

  it('loads a new token file while it runs, and keeps the last valid one when it becomes invalid', async () => {
    const lines = [`# callers`, `${NEW},someone,uid-2,"group a,${CALLERS}"`, '']
    await writeFile(`${site.tokenFile}.new`, lines.join('\n'))
    await rename(`${site.tokenFile}.new`, site.tokenFile)
    await site.until('the new token to count', async () => (await as(`Bearer ${NEW}`)).status === 404)
    expect((await as(`Bearer ${TOKEN}`)).status, 'the old token').to.equal(401)
    const lines2 = operator.log.length
    await writeFile(site.tokenFile, 'this is no token file\n')
    await site.until('the operator to have looked', async () => {
      await as(`Bearer ${NEW}`)
      return operator.log.slice(lines2).some(({ msg }) => msg === 'token file cannot be used')
    })
    expect((await as(`Bearer ${NEW}`)).status, 'the last good token').to.equal(404)
    await writeFile(site.tokenFile, TOKEN_LINE)
    await site.until('the old token to count again', async () => (await as(`Bearer ${TOKEN}`)).status === 404)
  })

  it('logs no secret', () => {
    const log = JSON.stringify(operator.log)
    for (const secret of [TOKEN, NEW, site.token]) expect(log.includes(secret), 'a token in the log').to.equal(false)
  })
})
