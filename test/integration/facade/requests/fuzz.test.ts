import { expect } from 'chai'
import { type NodeLogs, serveLogs } from '../../../kubelet/logs.ts'
import { succeeds } from '../../../kubelet/script.ts'
import { canInstallSchemathesis, installSchemathesis, runSchemathesis } from '../../../processes/schemathesis.ts'
import { openSite, type Site, TOKEN } from '../../../site/site.ts'

describe('a schema-driven fuzzer', function () {
  this.timeout('400s')
  let site: Site
  let logs: NodeLogs

  before(async () => {
    site = await openSite()
    await site.createPool('default')
    site.kubelet.onPod(() => succeeds())
    // A node that does not answer is 503 for the log of a job that runs: so this one answers.
    logs = await serveLogs(site.plane.client, { isOver: true })
  })
  after(async () => {
    await site.close()
    await logs.close()
  })

  it('finds no difference between the OpenAPI document and the service, with all of its checks', async function () {
    if (!(await canInstallSchemathesis())) this.skip()
    const program = await installSchemathesis()
    const { url } = await site.operator({ env: { RATE_LIMIT_MAX: '1000000', MAX_PROXIES: '20' } })
    const { code, output } = await runSchemathesis(program, { url, token: TOKEN, seconds: 20 })
    expect(code, output).to.equal(0)
  })
})
