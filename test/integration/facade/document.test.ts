import { expect } from 'chai'
import { openApiDocument } from '../../../src/http/openapi.ts'
import { version } from '../../../src/version.ts'
import { openSite, type Site } from '../../site.ts'
import { call, sendRaw } from '../../site/call.ts'

describe('the documentation that is served', function () {
  this.timeout('60s')
  let site: Site
  let url: string

  before(async () => {
    site = await openSite()
    url = (await site.operator()).url
  })
  after(() => site.close())

  it('is an OpenAPI document, for everybody', async () => {
    const { status, body } = await call(`${url}/openapi.json`, { headers: {} })
    expect(status).to.equal(200)
    expect(body).to.deep.equal(openApiDocument(version))
  })

  it('is sent again only when it has changed', async () => {
    const etag = (await call(`${url}/openapi.json`, { headers: {} })).headers.get('etag') ?? ''
    const head = `GET /openapi.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\nIf-None-Match: ${etag}\r\n\r\n`
    const again = await sendRaw(url, head)
    expect(again).to.match(/^HTTP\/1\.1 304 /)
    expect(again.split('\r\n\r\n')[1], 'the body').to.equal('')
  })
})
