import { once } from 'node:events'
import { createServer } from 'node:http'
import { expect } from 'chai'
import Koa from 'koa'
import { trustedPeers } from '../../../src/auth/client-address.ts'
import { basePaths, baseRemover, parsePrefix } from '../../../src/http/base-path.ts'
import type { FacadeState } from '../../../src/http/context.ts'

const loopback = [
  { address: '127.0.0.0', prefix: 8 },
  { address: '::1', prefix: 128 },
]

describe('the base path', () => {
  /** What is found out about a call that brings this header. */
  async function baseOf(prefix: string | undefined, { configured = '/hub', trusted = loopback } = {}): Promise<string> {
    const basePathOf = basePaths({ configured, isTrustedPeer: trustedPeers(trusted) })
    const app = new Koa<FacadeState>()
    app.use((ctx) => {
      ctx.body = { base: basePathOf(ctx) }
    })
    const handle = app.callback()
    const server = createServer((request, response) => void handle(request, response)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const headers: Record<string, string> = prefix === undefined ? {} : { 'x-forwarded-prefix': prefix }
    try {
      const body: unknown = await (await fetch(`http://127.0.0.1:${port}/`, { headers })).json()
      return JSON.stringify(body)
    } finally {
      server.close()
    }
  }

  const cases: [prefix: string | undefined, base: string][] = [
    [undefined, '/hub'],
    ['/team', '/team'],
    ['/team/', '/team'],
    ['/team/hub-1.x_~', '/team/hub-1.x_~'],
    ['/outer, /inner', '/outer/inner'],
    ['/', ''],
    ['team', '/hub'],
    ['//evil.example', '/hub'],
    ['/a//b', '/hub'],
    ['/../admin', '/hub'],
    ['/a/./b', '/hub'],
    ['/a/..', '/hub'],
    ['https://evil.example', '/hub'],
    ['/"><script>', '/hub'],
    ['/a b', '/hub'],
    ['/a%2f..', '/hub'],
    ['/a\\b', '/hub'],
    ['/team, evil', '/hub'],
    [`/${'a'.repeat(256)}`, '/hub'],
  ]
  for (const [prefix, base] of cases) {
    it(`is ${JSON.stringify(base)} for ${prefix?.slice(0, 30)} from a trusted proxy`, async () => {
      expect(await baseOf(prefix)).to.equal(JSON.stringify({ base }))
    })
  }

  const targets: [configured: string, target: string, left: string][] = [
    ['/hub', '/hub/api/jobs?page=2', '/api/jobs?page=2'],
    ['/hub', '/hub', '/'],
    ['/hub', '/hub/', '/'],
    ['/hub', '/hub?a=b', '/?a=b'],
    ['/hub', '/hub/events', '/events'],
    ['/hub', '/hubs/api', '/hubs/api'],
    ['/hub', '/api/jobs', '/api/jobs'],
    ['/hub', '/hub/hub/', '/hub/'],
    ['/a/b', '/a/b/docs', '/docs'],
    ['/a/b', '/a/docs', '/a/docs'],
    ['/api', '/api/jobs', '/api/jobs'],
    ['/docs/hub', '/docs/hub/api', '/docs/hub/api'],
    ['', '/api/jobs', '/api/jobs'],
    ['/hub', '*', '*'],
  ]
  for (const [configured, url, left] of targets) {
    it(`${configured || 'of nothing'} leaves ${left} of ${url}, whether a proxy strips it or not`, () => {
      const request = { url }
      baseRemover(configured)(request)
      expect(request.url).to.equal(left)
    })
  }

  it('is the configured one if the proxy is not trusted', async () => {
    const trusted = [{ address: '10.0.0.0', prefix: 8 }]
    expect(await baseOf('/team', { trusted })).to.equal('{"base":"/hub"}')
    expect(await baseOf('/team', { trusted: [], configured: '' })).to.equal('{"base":""}')
  })

  it('is parsed in linear time', () => {
    const begun = performance.now()
    expect(parsePrefix(`${'/a'.repeat(100_000)}"`)).to.equal(undefined)
    expect(performance.now() - begun).to.be.below(100)
  })
})
