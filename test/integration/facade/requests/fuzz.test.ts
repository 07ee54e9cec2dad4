import { expect } from 'chai'
import { canInstallSchemathesis, installSchemathesis, runSchemathesis } from '../../../processes/schemathesis.ts'
import { openSite, type Site, TOKEN } from '../../../site/site.ts'

describe('a schema-driven fuzzer', function () {
  this.timeout('400s')
  let site: Site

  before(async () => {
    // Without a pool: that a log cannot be read from a node is no matter of the document.
    site = await openSite()
  })
  after(() => site.close())

  it('finds no difference between the OpenAPI document and the service, with all of its checks', async function () {
    if (!(await canInstallSchemathesis())) this.skip()
    const program = await installSchemathesis()
    const { url } = await site.operator({ env: { RATE_LIMIT_MAX: '1000000', MAX_PROXIES: '20' } })
    const { code, output } = await runSchemathesis(program, { url, token: TOKEN, seconds: 20 })
    expect(code, output).to.equal(0)
  })
})
