import { expect } from 'chai'
import type { Operator } from '../../processes/operator.ts'
import { type Answer, call, isMarkedStale } from '../../site/calls/call.ts'
import { openSite, type Site } from '../../site/site.ts'
import { type FaultProxy, startFaultProxy } from '../proxy/proxy.ts'

describe('a facade whose cluster responds in part', function () {
  this.timeout('60s')
  let site: Site
  let proxy: FaultProxy
  let operator: Operator

  before(async () => {
    site = await openSite()
    proxy = await startFaultProxy(site.plane.controlPlane)
    operator = await site.operator({ proxy })
  })
  after(async () => {
    await site.close()
    await proxy.close()
  })

  const get = (path: string): Promise<Answer> => call(`${operator.url}${path}`)

  it('is unhealthy while the API server has no etcd, although it responds', async () => {
    const status = async () => (await get('/health')).status
    expect(await status()).to.equal(200)
    const ill = proxy.when({ path: /^\/readyz/ }).answer(500, '[+]ping ok\n[-]etcd failed: reason withheld\n')
    await site.until('/health to notice', async () => (await status()) === 503)
    ill.remove()
    await site.until('/health to be well', async () => (await status()) === 200)
  })

  it('is healthy without permission for /readyz, as long as it can read', async () => {
    const status = async () => (await get('/health')).status
    const forbidden = proxy.when({ path: /^\/readyz/ }).answer(403, { kind: 'Status', code: 403, reason: 'Forbidden' })
    await site.until('/readyz to be asked for', async () => {
      expect(await status()).to.equal(200)
      return forbidden.hits > 0
    })
    expect(await status()).to.equal(200)
    const ill = proxy.when({ path: /\/runnerpools\?limit=1$/ }).answer(500, 'etcdserver: no leader')
    await site.until('/health to notice', async () => (await status()) === 503)
    ill.remove()
    await site.until('/health to be well', async () => (await status()) === 200)
    forbidden.remove()
  })

  it('marks responses from caches as stale while their watches are broken', async () => {
    for (const path of ['/api/jobs', '/api/runners']) expect(isMarkedStale(await get(path)), path).to.equal(false)
    const cut = proxy.when({ path: /\/runnerpools\?.*watch=true/, userAgent: /^runnerhub-cache/ }).cut()
    for (const path of ['/api/jobs', '/api/runners']) {
      await site.until(`${path} to be marked`, async () => {
        const answer = await get(path)
        expect(answer.status, answer.text).to.equal(200)
        return isMarkedStale(answer)
      })
    }
    cut.remove()
    await site.until('the mark to be gone', async () => !isMarkedStale(await get('/api/jobs')))
  })
})
