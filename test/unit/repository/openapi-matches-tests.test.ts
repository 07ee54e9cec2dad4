import { readdirSync, readFileSync } from 'node:fs'
import { expect } from 'chai'
import { type Exchange, expectDocumented } from '../../documents/documented.ts'

const metadata = { timestamp: '2025-06-19T10:00:00.000Z', version: '1.0.0' }
const data = { delegationId: '550e8400-e29b-41d4-a716-446655440000', status: 'queued' }
const limits = { 'x-ratelimit-limit': '100', 'x-ratelimit-remaining': '99', 'x-ratelimit-reset': '1750000000' }
const headers = { ...limits, 'content-type': 'application/json; charset=utf-8', location: '/api/jobs/x' }

function delegated(body: object, change: Partial<Exchange> = {}): Exchange {
  const url = 'http://localhost/api/jobs/delegate'
  const text = JSON.stringify(body)
  return { method: 'POST', url, status: 201, headers: new Headers(headers), text, ...change }
}

const envelope = { success: true, data, metadata }
const failure = { success: false, error: 'no', code: 'NotFound', metadata }

const right: Record<string, Exchange> = {
  'a success': delegated(envelope),
  'a failure': delegated({ ...failure, code: 'InvalidRequest' }, { status: 400 }),
  'an unknown path': delegated(failure, { status: 404, url: 'http://localhost/api/none' }),
  'an unknown method': delegated(failure, { status: 405, method: 'PUT' }),
}

const wrong: Record<string, [Exchange, named: string]> = {
  'a field too many': [delegated({ ...envelope, data: { ...data, more: 1 } }), 'additional properties'],
  'a field too few': [delegated({ ...envelope, metadata: undefined }), "'metadata'"],
  'another type': [delegated({ ...envelope, data: { ...data, delegationId: 7 } }), 'delegationId must be string'],
  'an unknown state': [delegated({ ...envelope, data: { ...data, status: 'Queued' } }), 'allowed values'],
  'an unknown code': [delegated({ ...failure, code: 'Oops' }, { status: 400 }), 'allowed values'],
  'a header too few': [
    delegated(envelope, { headers: new Headers({ ...limits, 'content-type': 'application/json' }) }),
    'header Location is missing',
  ],
  'a status that is not described': [delegated(failure, { status: 418 }), '418'],
  'another content type': [
    delegated(envelope, { headers: new Headers({ ...headers, 'content-type': 'text/html' }) }),
    'text/html',
  ],
}

describe('the check of responses against the OpenAPI document', () => {
  for (const [name, exchange] of Object.entries(right)) it(`passes ${name}`, () => expectDocumented(exchange))

  for (const [name, [exchange, named]] of Object.entries(wrong)) {
    it(`finds ${name}`, () => expect(() => expectDocumented(exchange)).to.throw(named))
  }

  /** These hold connections open, and have their responses checked by answersIn, or do not talk to the facade. */
  const others = [
    'controllers/refusals.test.ts',
    'facade/requests/clients.test.ts',
    'facade/requests/hardening.test.ts',
    'kube/connection.test.ts',
    'realtime/',
  ]

  it('is a part of every call in the integration and fault suites', () => {
    const files = ['integration', 'faults'].flatMap((suite) => {
      const folder = new URL(`../../${suite}/`, import.meta.url)
      return readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.test.ts') && !others.some((other) => name.includes(other)))
        .map((name) => ({ name, text: readFileSync(new URL(name, folder), 'utf8') }))
    })
    expect(files.length).to.be.above(50)
    const ownCalls = /\bfetch\(|from '(?:node:net|node:https?|undici|axios)'/
    expect(files.filter(({ text }) => ownCalls.test(text)).map(({ name }) => name)).to.deep.equal([])
  })
})
