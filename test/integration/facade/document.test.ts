import { expect } from 'chai'
import { openApiDocument } from '../../../src/http/openapi/document.ts'
import { version } from '../../../src/version.ts'
import { call, expectFailure, sendRaw } from '../../site/calls/call.ts'
import { openSite, type Site } from '../../site/site.ts'

describe('the served documentation', function () {
  this.timeout('60s')
  let site: Site
  let url: string

  before(async () => {
    site = await openSite()
    url = (await site.operator()).url
  })
  after(() => site.close())

  it('is an OpenAPI document, without a token', async () => {
    const { status, body } = await call(`${url}/openapi.json`, { headers: {} })
    expect(status).to.equal(200)
    expect(body).to.deep.equal(openApiDocument(version))
  })

  it('is sent again only when it has changed', async () => {
    const etag = (await call(`${url}/openapi.json`, { headers: {} })).headers.get('etag') ?? ''
    const head = `GET /openapi.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\nIf-None-Match: ${etag}\r\n\r\n`
    const [again] = await sendRaw(url, head, { method: 'GET', url: `${url}/openapi.json` })
    expect(again).to.include({ status: 304, text: '' })
  })

  it('has a page, without a token, that loads nothing from other hosts', async () => {
    const page = await call(`${url}/docs`, { headers: {} })
    expect(page.status).to.equal(200)
    expect(page.headers.get('content-type')).to.equal('text/html; charset=utf-8')
    const policy = page.headers.get('content-security-policy') ?? ''
    expect(policy).to.include("default-src 'none'").and.to.include("script-src 'self';")
    expect(policy).to.not.match(/unsafe|https?:|\*/)
    expect(page.text).to.not.match(/https?:\/\/|<script>|\son\w+=/)

    const links = [...page.text.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path = '']) => path)
    expect(links).to.deep.equal(['/docs/swagger-ui.css', '/docs/swagger-ui-bundle.js', '/docs/page.js'])
    for (const link of links) {
      const { status, headers, text } = await call(`${url}${link}`, { headers: {} })
      expect(status, link).to.equal(200)
      expect(headers.get('content-type')).to.match(link.endsWith('.css') ? /^text\/css/ : /^text\/javascript/)
      expect(headers.get('cache-control')).to.equal('public, max-age=3600')
      expect(headers.get('content-encoding')).to.equal('gzip')
      expect(text.length).to.be.above(50)
    }
  })

  it('sends no other file, and nothing that the browser has cached', async () => {
    for (const file of [
      'index.js',
      '..%2fpackage.json',
      '%2e%2e',
      'absolute-path.js',
      '__proto__',
      'swagger-ui.css.map',
    ]) {
      expectFailure(await call(`${url}/docs/${file}`, { headers: {} }), 404, 'NotFound')
    }
    const etag = (await call(`${url}/docs/page.js`, { headers: {} })).headers.get('etag') ?? ''
    const head = `GET /docs/page.js HTTP/1.1\r\nHost: x\r\nConnection: close\r\nIf-None-Match: ${etag}\r\n\r\n`
    const [again] = await sendRaw(url, head, { method: 'GET', url: `${url}/docs/page.js` })
    expect(again).to.include({ status: 304, text: '' })
  })
})
