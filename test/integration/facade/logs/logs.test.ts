import { expect } from 'chai'
import { pods } from '../../../../src/api/pod.ts'
import { asObject } from '../../../../src/kube/client/parse.ts'
import { succeeds } from '../../../kubelet/script.ts'
import type { Operator } from '../../../processes/operator.ts'
import { call, expectFailure, openAnswer } from '../../../site/calls/call.ts'
import { openSite, type Site, TOKEN } from '../../../site/site.ts'

/** The parts of the logs route that need no kubelet. */
describe('GET /api/jobs/:id/logs', function () {
  this.timeout('60s')
  let site: Site
  let operator: Operator
  const path = (job: string, query = '') => `${operator.url}/api/jobs/${job}/logs${query}`

  before(async () => {
    site = await openSite()
    await site.createPool('default')
    await site.createPool('closed', { labels: ['closed'], maxRunners: 0 })
    operator = await site.operator({ env: { LOG_STREAMS_PER_CALLER: '2' } })
    site.kubelet.onPod(() => succeeds())
    await site.createJob('queued', { labels: ['closed'] })
    await site.createJob('later', { labels: ['closed'] })
    await site.createJob('over', { poolName: 'default' })
    await site.jobIs('over', { phase: 'Completed' })
    await site.until('the pod to be let go', async () => (await site.pod('over'))?.metadata.finalizers === undefined)
    await site.delete(pods, 'over-1')
    await site.until('the pod to be gone', async () => (await site.pod('over')) === undefined)
    await site.until('the facade to know it', async () => {
      const { body } = await call(path('over'))
      return asObject(body['data'])['state'] === 'unavailable'
    })
  })
  after(() => site.close())

  const follow = (job: string) =>
    openAnswer(path(job, '?follow=true'), {
      headers: { authorization: `Bearer ${TOKEN}` },
      signal: AbortSignal.timeout(20_000),
    })

  it('is empty while the job waits', async () => {
    const { status, body } = await call(path('queued'))
    expect(status).to.equal(200)
    expect(body['data']).to.deep.equal({ logs: '' })
  })

  it('is unavailable once the pod is gone', async () => {
    const { status, body } = await call(path('over', '?tail=5'))
    expect(status).to.equal(200)
    expect(body['data']).to.deep.equal({ logs: '', state: 'unavailable' })
  })

  it('ends at once when followed after the end', async () => {
    const response = await follow('over')
    expect(response.status).to.equal(200)
    expect(response.headers.get('content-type')).to.equal('text/plain; charset=utf-8')
    expect(await response.text()).to.equal('')
  })

  it('begins before the job, and ends with it', async () => {
    const response = await follow('later')
    expect(response.status).to.equal(200)
    const text = response.text()
    await site.cancel('later')
    expect(await text).to.equal('')
  })

  it('is not followed by a HEAD request', async () => {
    const before = operator.log.length
    for (let round = 0; round < 5; round += 1) {
      const { status, headers, text } = await call(path('queued', '?follow=true'), { method: 'HEAD' })
      expect(status).to.equal(200)
      expect(headers.get('content-type')).to.equal('text/plain; charset=utf-8')
      expect(text).to.equal('')
    }
    expect(operator.log.slice(before).map(({ msg }) => msg)).to.not.include('log stream ended early')
  })

  it('has a limit of followers per caller, and a slot is free again when one has ended', async () => {
    const stop = new AbortController()
    const headers = { authorization: `Bearer ${TOKEN}` }
    const follower = await openAnswer(path('queued', '?follow=true'), { headers, signal: stop.signal })
    const other = await follow('queued')
    expect([follower.status, other.status]).to.deep.equal([200, 200])
    const third = await call(path('queued', '?follow=true'))
    expectFailure(third, 429, 'TooManyStreams')
    expect(third.headers.get('retry-after')).to.match(/^\d+$/)
    expect((await call(path('queued'))).status, 'without following it').to.equal(200)
    stop.abort()
    await site.until('a place to be free', async () => {
      const next = await follow('queued')
      void next.body?.cancel()
      return next.status === 200
    })
    await other.body?.cancel()
  })

  for (const query of ['tail=-1', 'tail=x', 'tail=1.5', 'tail=', 'tail=1&tail=2', 'follow=yes', 'follow=']) {
    it(`responds 400 to ?${query}`, async () => {
      expectFailure(await call(path('queued', `?${query}`)), 400, 'InvalidRequest')
    })
  }

  it('responds 404 for a job that does not exist, followed or not', async () => {
    for (const query of ['', '?follow=true']) expectFailure(await call(path('none', query)), 404, 'NotFound')
  })

  it('does not keep the operator from exiting within ten seconds', async () => {
    const response = await follow('queued')
    const text = response.text().catch(() => 'cut')
    expect(await operator.terminate()).to.be.below(10_000)
    expect(operator.exitCode).to.equal(0)
    await text
  })
})
