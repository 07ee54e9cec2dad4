import { expect } from 'chai'
import { pathTo } from '../../../src/client/address.ts'
import { RunnerHubClient } from '../../../src/client/client.ts'
import { NoAnswer, Refused } from '../../../src/client/failures.ts'

const id = '550e8400-e29b-41d4-a716-446655440000'
const metadata = { timestamp: '2025-06-19T10:00:00.000Z', version: '1.0.0' }

/** A client whose requests get one response, and the requests. */
function clientWith(respond: () => Response | Promise<Response>, url = 'http://hub.example/base/') {
  const requests: Request[] = []
  const fetch = async (...args: Parameters<typeof globalThis.fetch>): Promise<Response> => {
    requests.push(new Request(...args))
    return respond()
  }
  return { requests, client: new RunnerHubClient({ url, token: () => 'a-token', fetch }) }
}

function json(body: object, init: ResponseInit = {}): Response {
  return Response.json(body, init)
}

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail('it did not fail'),
    (error: unknown) => error,
  )
}

describe('the client', () => {
  it('calls an operation by its id, below the base and with the token', async () => {
    const { client, requests } = clientWith(() => json({ success: true, data: [], metadata }))
    const { body } = await client.call('listJobs', { query: { status: 'running', limit: 5, repository: undefined } })
    expect(body.data).to.deep.equal([])
    expect(requests[0]?.url).to.equal('http://hub.example/base/api/jobs?status=running&limit=5')
    expect(requests[0]?.headers.get('authorization')).to.equal('Bearer a-token')
    expect(requests[0]?.headers.has('content-type')).to.equal(false)
  })

  it('sends a body as JSON, and headers of the operation', async () => {
    const { client, requests } = clientWith(() => json({ success: true, data: { delegationId: id } }, { status: 201 }))
    const body = { repository: 'owner/repo', runId: '1', jobId: 2 }
    const { status } = await client.call('delegateJob', { body, header: { 'Idempotency-Key': 'key' } })
    expect(status).to.equal(201)
    expect(await requests[0]?.json()).to.deep.equal(body)
    expect(requests[0]?.method).to.equal('POST')
    expect(requests[0]?.headers.get('idempotency-key')).to.equal('key')
  })

  it('returns text that is not JSON as it is', async () => {
    const { client } = clientWith(() => new Response('# HELP', { headers: { 'content-type': 'text/plain' } }))
    expect((await client.call('getMetrics', {})).body).to.equal('# HELP')
  })

  it('throws the reason of a rejected call', async () => {
    const refusal = { success: false, error: 'the job is over', code: 'IllegalTransition', metadata }
    const { client } = clientWith(() => json(refusal, { status: 409, headers: { 'retry-after': '3' } }))
    const error = await errorOf(client.call('cancelJob', { path: { id } }))
    expect(error).to.be.instanceOf(Refused)
    expect(error).to.include({ status: 409, code: 'IllegalTransition', message: 'the job is over', retryAfterMs: 3000 })
  })

  it('does not take the page of a proxy in front for a response of the API', async () => {
    const { client } = clientWith(() => new Response('<h1>Bad Gateway</h1>', { status: 502 }))
    const error = await errorOf(client.call('getJob', { path: { id } }))
    expect(error).to.be.instanceOf(NoAnswer)
    expect(error).to.have.property('message', 'the response 502 is not from RunnerHub')
  })

  it('separates a network that fails from a caller that gave up', async () => {
    const broken = clientWith(() => Promise.reject(new TypeError('fetch failed'))).client
    expect(await errorOf(broken.call('getHealth', {}))).to.be.instanceOf(NoAnswer)
    const reason = new Error('not needed any more')
    expect(await errorOf(broken.call('getHealth', {}, AbortSignal.abort(reason)))).to.equal(reason)
  })

  it('puts any name into one segment of a path', () => {
    expect(pathTo('heartbeat', { path: { name: 'a/b ?#ü' } })).to.equal('/api/runners/a%2Fb%20%3F%23%C3%BC/heartbeat')
    for (const name of ['', '.', '..']) expect(() => pathTo('heartbeat', { path: { name } }), name).to.throw('path')
  })

  it('has types that reject wrong calls', () => {
    // @ts-expect-error -- the id is missing
    expect(() => pathTo('getJob', { path: {} })).to.throw('path')
    // @ts-expect-error -- there is no such state
    expect(pathTo('listJobs', { query: { status: 'lost' } })).to.include('lost')
  })
})
