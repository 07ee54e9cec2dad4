import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { expect } from 'chai'
import { routes } from '../../../../src/http/routes.ts'
import { asObject } from '../../../../src/kube/client/parse.ts'
import type { Operator } from '../../../processes/operator.ts'
import { type Answer, answersIn, call, expectFailure, sendRaw } from '../../../site/calls/call.ts'
import { scrape } from '../../../site/calls/metrics.ts'
import { openSite, type Site, TOKEN } from '../../../site/site.ts'

const ORIGIN = 'https://dashboard.example'
const authorization = `Bearer ${TOKEN}`
const delegation = JSON.stringify({ jobId: '1', runId: '1', repository: 'owner/repo' })
const postHead = (length: number) =>
  `POST /api/jobs/delegate HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\n` +
  `Content-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`

const served = routes.map(({ method, path }) => ({
  method,
  path: path.replaceAll(/:\w+/g, 'x'),
  pattern: new RegExp(`^${path.replaceAll(/:\w+/g, '[^/]+')}$`),
}))

/** The routes of each path that has no parameters: what it spells out is no parameter of another. */
const spelt = Map.groupBy(
  served.filter(({ path }) => routes.some((route) => route.path === path)),
  ({ path }) => path,
)

/** The methods of every path, with something in place of its parameters. */
const methodsOf = new Map(
  served.map(({ path }): [string, Set<string>] => {
    const methods = (spelt.get(path) ?? served.filter(({ pattern }) => pattern.test(path))).map(({ method }) => method)
    return [path, new Set([...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'])]
  }),
)

function expectSafeHeaders({ headers }: Answer): void {
  expect(Object.fromEntries(headers)).to.include({
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
  })
  expect(headers.get('x-powered-by')).to.equal(null)
  expect(headers.get('server')).to.equal(null)
}

describe('the facade', function () {
  this.timeout('60s')
  let site: Site
  let operator: Operator
  let url: string
  /** A facade with low limits, but not so impatient that a busy machine would be one of the slow. */
  let impatient: string
  const low = { HEADERS_TIMEOUT_SECONDS: '3', REQUEST_TIMEOUT_SECONDS: '4', MAX_REQUESTS: '10' }
  const sockets: Socket[] = []

  before(async () => {
    site = await openSite()
    operator = await site.operator({ env: { ROLES: 'facade' } })
    url = operator.url
    impatient = (await site.operator({ identity: 'impatient', env: { ROLES: 'facade', ...low } })).url
  })
  after(async () => {
    for (const socket of sockets) socket.destroy()
    await site.close()
  })

  describe('a slow request', () => {
    const beginnings: Record<string, string> = {
      'half a request line': 'GET /api/j',
      'half of its headers': 'GET /api/jobs HTTP/1.1\r\nHost: x\r\nAuthoriz',
      'headers without their end': `GET /api/jobs HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\n`,
      'half of a body': `${postHead(1000)}{"jobId":`,
      'nothing of a body': postHead(1000),
    }
    const stalled = new Map<string, Promise<Answer>>()

    before(() => {
      for (const [name, beginning] of Object.entries(beginnings)) stalled.set(name, stall(beginning))
    })

    /** Sends a beginning and nothing more; what was answered until the other side closed. */
    async function stall(beginning: string): Promise<Answer> {
      const socket = connect(Number(new URL(impatient).port), '127.0.0.1')
      sockets.push(socket)
      await once(socket, 'connect')
      socket.write(beginning)
      const delegating = { method: 'POST', url: `${impatient}/api/jobs/delegate` }
      const asked = beginning.startsWith('POST') ? [delegating] : []
      return answersIn((await buffer(socket)).toString(), ...asked)[0]
    }

    for (const name of Object.keys(beginnings)) {
      it(`gets 408 and is disconnected after sending ${name}`, async () => {
        const answer = await stalled.get(name)
        if (answer === undefined) throw new Error('nothing was sent')
        expectFailure(answer, 408, 'RequestTimeout')
      })
    }

    it('does not delay others while hundreds stall', async () => {
      const crowd = Array.from({ length: 200 }, () => stall(`${postHead(1000)}{`))
      expect((await call(`${impatient}/api/jobs`)).status).to.equal(200)
      const { status } = await call(`${impatient}/api/jobs/delegate`, { method: 'POST', body: delegation })
      expect(status).to.equal(201)
      for (const answer of await Promise.all(crowd)) expectFailure(answer, 408, 'RequestTimeout')
    })
  })

  describe('600 requests at a time', () => {
    const reads = ['/api/jobs', '/api/runners', '/api/pools', '/api/caller', '/api/jobs?limit=1']

    /** Calls of every kind, as different jobs; every third creates one. */
    function crowd(base: string, prefix: string): Promise<Answer[]> {
      const one = (index: number): Promise<Answer> =>
        index % 3 === 0
          ? call(`${base}/api/jobs/delegate`, {
              method: 'POST',
              body: { jobId: `${prefix}-${index}`, runId: '1', repository: 'owner/repo' },
              withinMs: 30_000,
            })
          : call(`${base}${reads[index % reads.length]}`, { withinMs: 30_000 })
      return Promise.all(Array.from({ length: 600 }, (_, index) => one(index)))
    }

    async function servesAsBefore(base: string, jobId: string): Promise<void> {
      const body = { jobId, runId: '1', repository: 'owner/repo' }
      expect((await call(`${base}/api/jobs/delegate`, { method: 'POST', body })).status).to.equal(201)
      expect((await call(`${base}/api/jobs`)).status).to.equal(200)
    }

    it('are all served', async () => {
      const answers = await crowd(url, 'crowd')
      expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([200, 201]))
      await servesAsBefore(url, 'after-crowd')
    })

    it('are served or refused beyond the limit of the process, which goes on with what is vital', async () => {
      const { body } = await call(`${impatient}/api/jobs/delegate`, { method: 'POST', body: delegation })
      const id = String(asObject(body['data'])['delegationId'])
      const crowded = crowd(impatient, 'beyond')
      const completion = { status: 'completed', runId: '1', jobId: '1' }
      const vital = await Promise.all([
        ...['/health', '/livez', '/readyz', '/api/metrics'].map((path) => call(`${impatient}${path}`)),
        call(`${impatient}/api/jobs/${id}/proxy-complete`, { method: 'POST', body: completion }),
      ])
      expect(vital.map(({ status }) => status)).to.deep.equal([200, 200, 200, 200, 200])
      const answers = await crowded
      const refused = answers.filter(({ status }) => status === 503)
      expect(refused.length).to.be.within(1, 199)
      for (const answer of refused) {
        expectFailure(answer, 503, 'Overloaded')
        expect(answer.headers.get('retry-after')).to.equal('2')
      }
      const others = answers.filter(({ status }) => status !== 503)
      expect(new Set(others.map(({ status }) => status))).to.deep.equal(new Set([200, 201]))
      await servesAsBefore(impatient, 'after-beyond')
    })
  })

  describe('an unusual request', () => {
    const nonsense: Record<string, [bytes: string, status: number, code: string]> = {
      'bytes of TLS': ['\u0016\u0003\u0001\u0002 hello\r\n\r\n', 400, 'InvalidRequest'],
      'an unknown version': ['GET /health HTTP/9.9\r\nHost: x\r\n\r\n', 400, 'InvalidRequest'],
      'an unknown method': ['FETCH /health HTTP/1.1\r\nHost: x\r\n\r\n', 400, 'InvalidRequest'],
      'no host': ['GET /health HTTP/1.1\r\n\r\n', 400, 'InvalidRequest'],
      ...Object.fromEntries(
        [
          'http://[/x',
          'http://[::1/api/jobs',
          'http://a:b/health',
          'http://%ff@a/health',
          '//u@[/health#x',
          'ftp://a:b/health',
        ].map((target) => [
          `the target ${target}`,
          [`GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`, 400, 'InvalidRequest'],
        ]),
      ),
      'two lengths': [`${postHead(2).replace('\r\n\r\n', '\r\nContent-Length: 3\r\n\r\n')}{}`, 400, 'InvalidRequest'],
      'a zero byte in a header': ['GET /health HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n', 400, 'InvalidRequest'],
      'a bad chunk': [
        `${postHead(0).replace('Content-Length: 0', 'Transfer-Encoding: chunked')}ZZ\r\n{}\r\n`,
        400,
        'InvalidRequest',
      ],
      'a header of 20 KiB': [
        `GET /health HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_480)}\r\n\r\n`,
        431,
        'HeadersTooLarge',
      ],
      'a path of 20 KiB': [`GET /${'x'.repeat(20_480)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431, 'HeadersTooLarge'],
      'a thousand headers of 20 bytes': [
        `GET /health HTTP/1.1\r\nHost: x\r\n${'X: 4567890123456789\r\n'.repeat(1000)}\r\n`,
        431,
        'HeadersTooLarge',
      ],
    }
    for (const [name, [bytes, status, code]] of Object.entries(nonsense)) {
      it(`gets ${status} in the envelope: ${name}`, async () => {
        const [answer] = await sendRaw(url, bytes)
        expectFailure(answer, status, code)
        expectSafeHeaders(answer)
      })
    }

    it('is counted, without a route', async () => {
      const samples = await scrape(operator)
      for (const code of [400, 431]) {
        const name = `github_runnerhub_http_requests_total{route="none",code="${code}"}`
        const asked = Object.values(nonsense).filter(([, status]) => status === code)
        expect(samples.get(name), name).to.be.at.least(asked.length)
      }
    })

    it('gets 400 and is disconnected, also right after a valid request', async () => {
      const text = 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\nnonsense\r\n\r\n'
      const answers = await sendRaw(url, text, { method: 'GET', url: `${url}/livez` })
      expect(answers.map(({ status }) => status).join()).to.be.oneOf(['400', '200,400'])
    })

    it('gets 100 Continue only if its body can be accepted', async () => {
      const head = (length: number) => postHead(length).replace('\r\n\r\n', '\r\nExpect: 100-continue\r\n\r\n')
      const long = head(256 * 1024 + 1)
      const asked = { method: 'POST', url: `${url}/api/jobs/delegate` }
      expectFailure((await sendRaw(url, long, asked))[0], 413, 'BodyTooLarge')
      expectFailure((await sendRaw(url, long.replace(TOKEN, 'unknown'), asked))[0], 401, 'Unauthorized')
      const headers = { authorization, 'content-type': 'application/json', expect: '100-continue' }
      const patient = request(asked.url, { method: 'POST', headers })
      const answered = new Promise<IncomingMessage>((resolve) => patient.once('response', resolve))
      patient.once('continue', () => patient.end(delegation))
      patient.flushHeaders()
      const answer = await answered
      answer.resume()
      expect(answer.statusCode).to.equal(201)
    })

    it('is served by the path of an absolute URL', async () => {
      const ask = async (target: string, path: string) => {
        const bytes = `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`
        return (await sendRaw(url, bytes, { method: 'GET', url: `${url}${path}` }))[0]
      }
      expect((await ask('http://x:3000/livez?x=1', '/livez')).status).to.equal(200)
      expectFailure(await ask('HTTP://x/api/jobs', '/api/jobs'), 401, 'Unauthorized')
    })

    it('is served despite an unknown expectation', async () => {
      const text = 'GET /livez HTTP/1.1\r\nHost: x\r\nExpect: tea\r\nConnection: close\r\n\r\n'
      const [{ status }] = await sendRaw(url, text, { method: 'GET', url: `${url}/livez` })
      expect(status).to.equal(200)
    })
  })

  describe('a method', () => {
    const all = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']

    for (const [path, offered] of methodsOf) {
      const allow = [...offered].sort().join(', ')

      it(`that ${path} does not have gets 405, with Allow: ${allow}`, async () => {
        for (const method of all.filter((each) => !offered.has(each))) {
          const answer = await call(`${url}${path}`, { method, headers: { authorization } })
          expect(answer.status, `${method} ${path}`).to.equal(405)
          expect(answer.headers.get('allow')).to.equal(allow)
          if (method !== 'HEAD') expectFailure(answer, 405, 'MethodNotAllowed')
        }
      })

      it(`OPTIONS ${path} returns the same, and does nothing`, async () => {
        const answer = await call(`${url}${path}`, { method: 'OPTIONS', headers: { authorization } })
        expect(answer.status).to.equal(204)
        expect(answer.headers.get('allow')).to.equal(allow)
        expect(answer.text).to.equal('')
      })
    }

    it('OPTIONS * returns the methods of the whole server', async () => {
      const [answer] = await sendRaw(url, 'OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
      expect(answer.status, answer.text).to.equal(204)
      expect(answer.headers.get('allow')).to.equal('GET, HEAD, OPTIONS, PATCH, POST')
    })

    it('OPTIONS needs a token like any other under /api', async () => {
      expectFailure(await call(`${url}/api/jobs`, { method: 'OPTIONS', headers: {} }), 401, 'Unauthorized')
    })

    it('HEAD gets the response of GET without the body', async () => {
      const { body } = await call(`${url}/api/jobs/delegate`, { method: 'POST', body: delegation })
      const job = `/api/jobs/${String(asObject(body['data'])['delegationId'])}`
      const operations = ['/health', '/livez', '/readyz', '/openapi.json', '/docs', '/docs/page.js', '/api/metrics']
      const lists = ['/api/jobs', '/api/runners', job, `${job}/logs`, '/api/jobs/none', '/api/none']
      for (const path of [...operations, ...lists]) {
        const get = await call(`${url}${path}`)
        const head = await call(`${url}${path}`, { method: 'HEAD', headers: { authorization } })
        expect(head.status, path).to.equal(get.status)
        expect(head.text, path).to.equal('')
        // What is measured may have another length a moment later.
        const names = ['content-type', 'cache-control', ...(path === '/api/metrics' ? [] : ['content-length'])]
        for (const name of names) {
          expect(head.headers.get(name), `${name} of ${path}`).to.equal(get.headers.get(name))
        }
      }
    })
  })

  describe('on any path', () => {
    const answers: Record<string, [path: string, status: number, options?: Parameters<typeof call>[1]]> = {
      'a success': ['/api/jobs', 200],
      health: ['/health', 200],
      'an unknown path': ['/nothing', 404],
      'an unknown path under /api': ['/api/nothing/at/all', 404],
      'an unknown job': ['/api/jobs/none', 404],
      'a stranger': ['/api/jobs', 401, { headers: {} }],
      'a bad query': ['/api/jobs?page=0', 400],
      'a bad body': ['/api/jobs/delegate', 400, { method: 'POST', body: '{' }],
      'a bad type': ['/api/jobs/delegate', 415, { method: 'POST', body: 'x', headers: { authorization } }],
      'a bad method': ['/api/jobs/delegate', 405, { method: 'PUT' }],
    }
    for (const [name, [path, status, options]] of Object.entries(answers)) {
      it(`responds with the security headers: ${name}`, async () => {
        const answer = await call(`${url}${path}`, options)
        expect(answer.status).to.equal(status)
        expectSafeHeaders(answer)
      })
    }

    it('repeats neither path nor token in a failure, since they may be secret', async () => {
      for (const path of ['/secret-path', '/api/secret-path', '/api/jobs/secret-path', '/api/jobs/secret-path/logs']) {
        for (const headers of [{ authorization }, { authorization: 'Bearer secret-token' }]) {
          const { status, text } = await call(`${url}${path}?token=secret-token`, { headers })
          expect(status).to.be.oneOf([401, 404])
          expect(text).to.not.match(/secret-/)
          expect(text).to.not.include(TOKEN)
        }
      }
    })

    it('responds 415 to a compressed body', async () => {
      const headers = { authorization, 'content-type': 'application/json', 'content-encoding': 'gzip' }
      const answer = await call(`${url}/api/jobs/delegate`, { method: 'POST', body: delegation, headers })
      expectFailure(answer, 415, 'UnsupportedMediaType')
    })
  })

  describe('a script of another origin', () => {
    const preflight = {
      method: 'OPTIONS',
      headers: { origin: ORIGIN, 'access-control-request-method': 'POST' },
    }

    it('gets no CORS header without configured origins', async () => {
      for (const options of [{ headers: { authorization, origin: ORIGIN } }, preflight]) {
        const { headers } = await call(`${url}/api/jobs`, options)
        expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).to.deep.equal([])
      }
      expect((await call(`${url}/api/jobs`, preflight)).status).to.equal(401)
    })

    it('gets CORS headers for a configured origin only', async () => {
      const env = { CORS_ORIGINS: `https://other.example,${ORIGIN}`, ROLES: 'facade' }
      const open = (await site.operator({ identity: 'operator-2', env })).url
      const asked = await call(`${open}/api/jobs/delegate`, preflight)
      expect(asked.status).to.equal(204)
      expect(asked.headers.get('access-control-allow-origin')).to.equal(ORIGIN)
      expect(asked.headers.get('access-control-allow-methods')).to.include('POST')
      expect(asked.headers.get('access-control-allow-headers')).to.include('Authorization')

      const called = await call(`${open}/api/jobs/none`, { headers: { authorization, origin: ORIGIN } })
      expectFailure(called, 404, 'NotFound')
      expect(called.headers.get('access-control-allow-origin')).to.equal(ORIGIN)
      expect(called.headers.get('access-control-expose-headers')).to.include('X-RateLimit-Remaining')
      expect(called.headers.get('vary')).to.equal('Origin')

      for (const origin of ['https://evil.example', `${ORIGIN}.evil.example`, 'null', `http://dashboard.example`]) {
        const { headers } = await call(`${open}/api/jobs`, { headers: { authorization, origin } })
        expect(headers.get('access-control-allow-origin'), origin).to.equal(null)
      }
    })

    it('gets CORS headers for any origin with *', async () => {
      const env = { CORS_ORIGINS: '*', ROLES: 'facade' }
      const open = (await site.operator({ identity: 'operator-3', env })).url
      expect((await call(`${open}/api/jobs/delegate`, preflight)).status).to.equal(204)
      for (const origin of [ORIGIN, 'http://localhost:8080', 'null']) {
        const { status, headers } = await call(`${open}/api/jobs`, { headers: { authorization, origin } })
        expect(status, origin).to.equal(200)
        expect(headers.get('access-control-allow-origin')).to.equal(origin)
        expect(headers.get('access-control-allow-credentials'), 'cookies count for nothing').to.equal(null)
      }
      const { headers } = await call(`${open}/api/jobs`)
      expect(headers.get('access-control-allow-origin'), 'of what is no page').to.equal(null)
    })
  })

  it('responds 413 to a body that is too long, however long', async () => {
    for (const mebibytes of [1, 9, 20]) {
      const body = new Uint8Array(mebibytes * 1024 * 1024)
      expectFailure(await call(`${url}/api/jobs/delegate`, { method: 'POST', body }), 413, 'BodyTooLarge')
    }
  })

  it('logs the uncaught exception that ends the process', async () => {
    // Node.js takes double quotes out of its options.
    const crash = `process.once('SIGUSR2',()=>{throw%20new%20Error('a%20fault')})`
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${crash}`, ROLES: 'facade' }
    const faulty = await site.operator({ identity: 'operator-3', env })
    process.kill(faulty.pid, 'SIGUSR2')
    const line = await faulty.logged('uncaught exception')
    expect(asObject(line['err'])['message']).to.equal('a fault')
    await site.until('the process to end', () => !faulty.isRunning)
  })

  it('logs no warning or error', () => {
    expect(operator.isRunning).to.equal(true)
    const complaints = operator.log.filter(({ msg }) => msg === 'request failed' || msg === 'unhandled rejection')
    expect(complaints.map((line) => asObject(line))).to.deep.equal([])
  })
})
