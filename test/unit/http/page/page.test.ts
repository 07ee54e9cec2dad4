import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer, get, type Server } from 'node:http'
import { join } from 'node:path'
import { Router } from '@koa/router'
import { expect } from 'chai'
import Koa from 'koa'
import type { FacadeState } from '../../../../src/http/context.ts'
import { HttpError } from '../../../../src/http/http-error.ts'
import { pageHandlers } from '../../../../src/http/page/handlers.ts'

const root = join(import.meta.dirname, '../../../..')

/** What browsers send for an address. */
const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'

describe('the files of the page', function () {
  this.timeout('30s')
  let built: string
  const servers: Server[] = []

  before(() => {
    built = execFileSync(process.execPath, ['config/page/build.ts'], { cwd: root, encoding: 'utf8' })
  })
  after(() => {
    for (const server of servers) server.close()
  })

  async function served(hasPage = true): Promise<string> {
    const app = new Koa<FacadeState>()
    const router = new Router<FacadeState>()
    const { page, pageFile } = pageHandlers({ hasPage, basePathOf: () => '/hub' })
    app.use(async (ctx, next) => {
      try {
        await next()
      } catch (error) {
        if (error instanceof HttpError) ctx.status = error.status
      }
    })
    app.use(router.get('/', page).get('/page/:file', pageFile).routes())
    const handle = app.callback()
    const server = createServer((request, response) => void handle(request, response)).listen(0)
    servers.push(server)
    await once(server, 'listening')
    const address = server.address()
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
  }

  it('are within their budget, which the build prints', () => {
    expect(built).to.match(/the page: \d+\.\d kB of at most 150\.0 kB, compressed/)
  })

  it('are there for browsers only: for others the path is unknown', async () => {
    const url = await served()
    const statuses = await Promise.all(
      [BROWSER, 'text/html', '*/*', 'application/json', 'text/*', 'application/xhtml+xml'].map(
        async (accept) => (await fetch(url, { headers: { accept } })).status,
      ),
    )
    expect(statuses).to.deep.equal([200, 200, 404, 404, 404, 404])
    expect((await fetch(await served(false), { headers: { accept: BROWSER } })).status).to.equal(404)
  })

  it('are below the base path, under a policy without anything inline or foreign', async () => {
    const response = await fetch(await served(), { headers: { accept: BROWSER } })
    const html = await response.text()
    expect(
      [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, target = '']) => target.replace(/-\w{8}\./, '.')),
    ).to.deep.equal(['data:,', '/hub/page/page.css', '/hub/page/page.js'])
    expect(html).not.to.match(/<style|\son\w+=|<script(?![^>]* src=)/)
    const policy = response.headers.get('content-security-policy') ?? ''
    expect(policy).to.include("default-src 'none'").and.include("frame-ancestors 'none'")
    expect(policy).not.to.match(/unsafe|https?:|\*/)
    expect(response.headers.get('cache-control')).to.equal('no-cache')
    expect(response.headers.get('vary')).to.include('Accept')
  })

  it('are cached for ever by a name that changes with their content, and sent once', async () => {
    const url = await served()
    const html = await (await fetch(url, { headers: { accept: BROWSER } })).text()
    const [, name = ''] = /\/hub(\/page\/[^"]+\.js)/.exec(html) ?? []
    const response = await fetch(`${url}${name}`)
    expect(response.headers.get('cache-control')).to.equal('public, max-age=31536000, immutable')
    expect(response.headers.get('content-type')).to.include('text/javascript')
    expect(response.headers.get('content-encoding')).to.equal('gzip')
    // fetch would ask for a fresh copy.
    const headers = { 'if-none-match': response.headers.get('etag') ?? '' }
    const again: unknown[] = await once(get(`${url}${name}`, { headers }), 'response')
    expect(again[0]).to.have.property('statusCode', 304)
    for (const other of ['page.json', 'LICENSES', '..%2fpackage.json', '__proto__']) {
      expect((await fetch(`${url}/page/${other}`)).status, other).to.equal(404)
    }
  })
})
