import { expect } from 'chai'
import { type Answer, call, expectFailure } from '../../../site/calls/call.ts'
import { openSite, type Site, TOKEN } from '../../../site/site.ts'

const MAX = 5
/** One that ends while a test waits, and one that no test outlasts. */
const SHORT_SECONDS = 3
const LONG_SECONDS = 900

describe('the rate limit', function () {
  this.timeout('60s')
  let site: Site
  /** Replicas without trusted proxies, with a short and a long window, and one with a trusted proxy and a long window. */
  let urls: { short: string; long: string; proxied: string }

  before(async () => {
    site = await openSite()
    const start = async (identity: string, seconds: number, env: Record<string, string> = {}) => {
      const window = { RATE_LIMIT_MAX: String(MAX), RATE_LIMIT_WINDOW_SECONDS: String(seconds) }
      return (await site.operator({ identity, env: { ...window, ...env } })).url
    }
    const [short, long, proxied] = await Promise.all([
      start('short', SHORT_SECONDS),
      start('long', LONG_SECONDS),
      start('proxied', LONG_SECONDS, { TRUSTED_PROXIES: '127.0.0.0/8,::1' }),
    ])
    urls = { short, long, proxied }
  })
  after(() => site.close())

  const bearer = { authorization: `Bearer ${TOKEN}` }
  const get = (url: string, headers: Record<string, string> = {}) =>
    call(`${url}/api/jobs/none`, { headers: { ...bearer, ...headers } })
  /** A request from a unique client address. */
  const from = (client: string) => get(urls.proxied, { 'x-forwarded-for': client })
  const number = ({ headers }: Answer, name: string) => Number(headers.get(`x-ratelimit-${name}`))

  it('sends limit, remainder and reset with every response, and then 429', async () => {
    const client = '203.0.113.1'
    const begun = Date.now() / 1000
    for (let left = MAX - 1; left >= 0; left -= 1) {
      const answer = await from(client)
      expect(answer.status).to.equal(404)
      expect([number(answer, 'limit'), number(answer, 'remaining')]).to.deep.equal([MAX, left])
      const [earliest, latest] = [begun, Date.now() / 1000].map((seconds) => Math.floor(seconds) + LONG_SECONDS)
      expect(number(answer, 'reset'), 'Unix seconds').to.be.within((earliest ?? 0) - 1, (latest ?? 0) + 2)
    }
    const refused = await from(client)
    expectFailure(refused, 429, 'RateLimited')
    expect([number(refused, 'limit'), number(refused, 'remaining')]).to.deep.equal([MAX, 0])
    expect(Number(refused.headers.get('retry-after'))).to.be.within(1, LONG_SECONDS)
  })

  it('also counts requests without a token, with an invalid body and to unknown paths', async () => {
    const headers = { 'x-forwarded-for': '203.0.113.2' }
    const known = { ...headers, ...bearer, 'content-type': 'application/json' }
    const answers = [
      await call(`${urls.proxied}/api/jobs/none`, { headers }),
      await call(`${urls.proxied}/api/jobs/delegate`, { method: 'POST', body: '{', headers: known }),
      await call(`${urls.proxied}/API/none`, { headers: known }),
    ]
    expect(answers.map(({ status }) => status)).to.deep.equal([401, 400, 404])
    expect(answers.map((answer) => number(answer, 'remaining'))).to.deep.equal([MAX - 1, MAX - 2, MAX - 3])
  })

  it('ignores headers that name a client', async () => {
    const forged = (index: number) => ({
      'x-forwarded-for': `10.0.0.${index}`,
      'x-real-ip': `10.0.0.${index}`,
      forwarded: 'for=1.2.3.4',
    })
    const answers = await Promise.all(Array.from({ length: MAX + 3 }, (_, index) => get(urls.long, forged(index))))
    const refused = answers.filter(({ status }) => status === 429)
    expect(refused).to.have.length(3)
  })

  it('restarts with the next window', async () => {
    const until = async (status: number) =>
      site.until(`an answer ${status}`, async () => (await get(urls.short)).status === status)
    await until(429)
    await until(404)
  })

  it('does not count /health', async () => {
    const headers = { 'x-forwarded-for': '203.0.113.3' }
    const answers = await Promise.all(Array.from({ length: 20 }, () => call(`${urls.proxied}/health`, { headers })))
    expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([200]))
    expect(number(await from('203.0.113.3'), 'remaining')).to.equal(MAX - 1)
  })

  describe('behind a trusted proxy', () => {
    it('counts each client that the proxy names, IPv6 by /64', async () => {
      const remaining = async (forwardedFor: string) => number(await from(forwardedFor), 'remaining')
      expect(await remaining('192.0.2.1')).to.equal(MAX - 1)
      expect(await remaining('198.51.100.7, 192.0.2.1'), 'what the client itself had put there').to.equal(MAX - 2)
      expect(await remaining('192.0.2.2')).to.equal(MAX - 1)
      expect(await remaining('2001:db8::1')).to.equal(MAX - 1)
      expect(await remaining('2001:db8::2')).to.equal(MAX - 2)
      expect(await remaining('2001:db8:0:1::1')).to.equal(MAX - 1)
    })

    it('neither counts nor limits an allowed scrape of the metrics, but counts a rejected one', async () => {
      const client = '192.0.2.9'
      const scrape = (authorization = bearer.authorization, slash = '') =>
        call(`${urls.proxied}/api/metrics${slash}`, { headers: { 'x-forwarded-for': client, authorization } })
      const scrapes = await Promise.all(
        Array.from({ length: MAX * 3 }, (_, index) => scrape(undefined, index % 2 === 0 ? '' : '/')),
      )
      expect(new Set(scrapes.map(({ status }) => status))).to.deep.equal(new Set([200]))
      const stranger = await scrape('none')
      expectFailure(stranger, 401, 'Unauthorized')
      expect(number(stranger, 'remaining')).to.equal(MAX - 1)
      await Promise.all(Array.from({ length: MAX }, () => from(client)))
      expectFailure(await from(client), 429, 'RateLimited')
      expect((await scrape()).status, 'a scrape from an address that is over the limit').to.equal(200)
      for (let left = MAX; left > 0; left -= 1) expectFailure(await scrape('none'), 401, 'Unauthorized')
      expectFailure(await scrape('none'), 429, 'RateLimited')
    })

    it('does not count an allowed heartbeat, but one that is refused', async () => {
      const client = '192.0.2.10'
      const beat = (authorization = bearer.authorization) => {
        const headers = { 'x-forwarded-for': client, authorization }
        return call(`${urls.proxied}/api/runners/proxy-1/heartbeat`, { method: 'POST', headers })
      }
      const beats = []
      for (let index = 0; index < MAX * 2; index += 1) beats.push(await beat())
      expect(new Set(beats.map(({ status }) => status))).to.deep.equal(new Set([201, 200]))
      expect(beats.map((answer) => number(answer, 'remaining'))).to.deep.equal(beats.map(() => MAX))
      expect(number(await beat('none'), 'remaining')).to.equal(MAX - 1)
    })
  })
})
