import { expect } from 'chai'
import { openSite, type Site, TOKEN } from '../../site.ts'
import { type Answer, call, expectFailure } from '../../site/call.ts'

const MAX = 5
const WINDOW_SECONDS = 3

describe('the rate limit', function () {
  this.timeout('60s')
  let site: Site
  let url: string

  before(async () => {
    site = await openSite()
    const env = { RATE_LIMIT_MAX: String(MAX), RATE_LIMIT_WINDOW_SECONDS: String(WINDOW_SECONDS) }
    url = (await site.operator({ env })).url
  })
  after(() => site.close())

  const get = (headers: Record<string, string> = {}) =>
    call(`${url}/api/jobs/none`, { headers: { authorization: `Bearer ${TOKEN}`, ...headers } })
  const number = ({ headers }: Answer, name: string) => Number(headers.get(`x-ratelimit-${name}`))

  /** Until the first call of a window. */
  async function freshWindow(): Promise<Answer> {
    return site.until('a new window', async () => {
      const answer = await get()
      return number(answer, 'remaining') === MAX - 1 ? answer : undefined
    })
  }

  it('tells limit, remainder and reset on every answer, and then answers 429', async () => {
    const first = await freshWindow()
    const now = Date.now() / 1000
    expect(number(first, 'limit')).to.equal(MAX)
    expect(number(first, 'reset'), 'Unix seconds').to.be.within(Math.floor(now), Math.ceil(now + WINDOW_SECONDS))
    for (let left = MAX - 2; left >= 0; left -= 1) {
      const answer = await get()
      expect(answer.status).to.equal(404)
      expect(number(answer, 'remaining')).to.equal(left)
    }
    const refused = await get()
    expectFailure(refused, 429, 'RateLimited')
    expect(number(refused, 'remaining')).to.equal(0)
    expect(number(refused, 'limit')).to.equal(MAX)
    expect(Number(refused.headers.get('retry-after'))).to.be.within(1, WINDOW_SECONDS)
  })

  it('counts calls without a token, with a bad body and to no path alike', async () => {
    await freshWindow()
    const bad = { method: 'POST', body: '{' }
    expect(number(await call(`${url}/api/jobs/none`, { headers: {} }), 'remaining')).to.equal(MAX - 2)
    expect(number(await call(`${url}/api/jobs/delegate`, bad), 'remaining')).to.equal(MAX - 3)
    expect(number(await call(`${url}/API/none`), 'remaining')).to.equal(MAX - 4)
  })

  it('believes no header about who is calling', async () => {
    await freshWindow()
    const forged = (index: number) => ({
      'x-forwarded-for': `10.0.0.${index}`,
      'x-real-ip': `10.0.0.${index}`,
      forwarded: 'for=1.2.3.4',
    })
    const answers = await Promise.all(Array.from({ length: MAX + 3 }, (_, index) => get(forged(index))))
    expect(answers.filter(({ status }) => status === 429).length).to.be.at.least(4)
  })

  it('begins anew with the next window', async () => {
    const answer = await freshWindow()
    expect(answer.status).to.equal(404)
  })

  it('does not count /health', async () => {
    await freshWindow()
    const answers = await Promise.all(Array.from({ length: 20 }, () => call(`${url}/health`, { headers: {} })))
    expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([200]))
    expect(number(await get(), 'remaining')).to.equal(MAX - 2)
  })

  describe('behind a trusted proxy', () => {
    before(async () => {
      const env = { RATE_LIMIT_MAX: String(MAX), RATE_LIMIT_WINDOW_SECONDS: '900', TRUSTED_PROXIES: '127.0.0.0/8,::1' }
      url = (await site.operator({ env, identity: 'behind-proxy' })).url
    })

    it('counts each client that the proxy names, IPv6 by /64', async () => {
      const remaining = async (forwardedFor: string) =>
        number(await get({ 'x-forwarded-for': forwardedFor }), 'remaining')
      expect(await remaining('192.0.2.1')).to.equal(MAX - 1)
      expect(await remaining('198.51.100.7, 192.0.2.1'), 'what the client itself had put there').to.equal(MAX - 2)
      expect(await remaining('192.0.2.2')).to.equal(MAX - 1)
      expect(await remaining('2001:db8::1')).to.equal(MAX - 1)
      expect(await remaining('2001:db8::2')).to.equal(MAX - 2)
      expect(await remaining('2001:db8:0:1::1')).to.equal(MAX - 1)
    })

    it('does not count an allowed scrape of the metrics, nor keeps it out, but counts one that is refused', async () => {
      const from = { 'x-forwarded-for': '192.0.2.9' }
      const scrape = (authorization = `Bearer ${TOKEN}`) =>
        call(`${url}/api/metrics`, { headers: { ...from, authorization } })
      const scrapes = await Promise.all(Array.from({ length: MAX * 3 }, () => scrape()))
      expect(new Set(scrapes.map(({ status }) => status))).to.deep.equal(new Set([200]))
      const stranger = await scrape('none')
      expectFailure(stranger, 401, 'Unauthorized')
      expect(number(stranger, 'remaining')).to.equal(MAX - 1)
      await Promise.all(Array.from({ length: MAX }, () => get(from)))
      expectFailure(await get(from), 429, 'RateLimited')
      expect((await scrape()).status, 'a scrape from an address that is over the limit').to.equal(200)
      for (let left = MAX; left > 0; left -= 1) expectFailure(await scrape('none'), 401, 'Unauthorized')
      expectFailure(await scrape('none'), 429, 'RateLimited')
    })
  })
})
