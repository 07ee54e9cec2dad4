import { expect } from 'chai'
import { io, type Socket } from 'socket.io-client'
import { asObject } from '../../../src/kube/client/parse.ts'
import { rawListener } from '../../integration/realtime/listener.ts'
import type { Operator } from '../../processes/operator.ts'
import { call, expectFailure } from '../../site/calls/call.ts'
import { openSite, type Site, TOKEN } from '../../site/site.ts'
import { type FaultProxy, startFaultProxy } from '../proxy/proxy.ts'
import type { Rule } from '../proxy/rules.ts'

const JOB_WATCH = { path: /\/runnerjobs\?.*watch=true/, userAgent: /^runnerhub-cache/ }

describe('an operator whose caches have not synced yet', function () {
  this.timeout('60s')
  let site: Site
  let proxy: FaultProxy
  let operator: Operator
  let stalled: Rule
  let id: string
  let reconnecting: Socket
  let reports = ''

  before(async () => {
    site = await openSite()
    proxy = await startFaultProxy(site.plane.controlPlane)
    id = (await site.createJob('before', { repository: 'owner/before', labels: ['no-such-label'] })).metadata.uid
    stalled = proxy.when(JOB_WATCH).stall()
    operator = await site.operator({ proxy }, { waits: false })
    await site.until('the realtime server to listen', () => !operator.realtimeUrl.endsWith(':0'))
    await site.until('the REST server to listen', () => !operator.url.endsWith(':0'))
    await site.until('the list of jobs to be asked for', () => stalled.hits > 0)
  })
  after(async () => {
    reconnecting?.close()
    await site.close()
    await proxy.close()
  })

  const list = () => call(`${operator.url}/api/jobs`, { withinMs: 45_000 })

  it('reports it: /health and /readyz are 503, and /livez is 200', async () => {
    const health = await call(`${operator.url}/health`)
    expect(health.status).to.equal(503)
    expect(health.body).to.deep.include({ status: 'unhealthy', checks: { database: 'fail' } })
    const ready = await call(`${operator.url}/readyz`)
    expect([ready.status, ready.text]).to.deep.equal([503, 'caches have not synced yet'])
    expect((await call(`${operator.url}/livez`)).status).to.equal(200)
  })

  it('returns no incomplete list: 503, as for a job and its log', async () => {
    const paths = ['/api/jobs', '/api/runners', `/api/jobs/${id}`, `/api/jobs/${id}/logs`]
    const answers = await Promise.all(paths.map((path) => call(`${operator.url}${path}`, { withinMs: 45_000 })))
    for (const answer of answers) expectFailure(answer, 503, 'ClusterUnavailable')
  })

  it('serves metrics, but none of the queue and of runners', async () => {
    const { status, text } = await call(`${operator.url}/api/metrics`)
    expect(status).to.equal(200)
    expect(text).to.match(/^github_runnerhub_build_info/m)
    expect(text).to.not.match(/^github_runnerhub_(queue|runners|jobs_total)/m)
  })

  it('accepts no realtime client', async () => {
    const refusal = await rawListener(operator.realtimeUrl, { token: TOKEN }).then(() => 'opened', String)
    expect(refusal).to.include('503')
    reconnecting = io(operator.realtimeUrl, { auth: { token: TOKEN }, transports: ['websocket'], forceNew: true })
    reconnecting.on('disconnect', (reason) => (reports += reason))
    await site.until('Socket.IO to be sent away', () => reports.includes('transport close'))
    expect(reconnecting.connected).to.equal(false)
  })

  it('responds to waiting requests once they have synced, with all objects', async () => {
    const waiting = list()
    await site.until('the list to be asked for', async () => (await call(`${operator.url}/readyz`)).status === 503)
    stalled.remove()
    const { status, body, text } = await waiting
    expect(status, text).to.equal(200)
    expect(asObject(body['pagination'])['total']).to.equal(1)
    await operator.ready()
    const listener = await rawListener(operator.realtimeUrl, { token: TOKEN })
    await listener.send('subscribe:repository', { all: true, snapshot: true })
    const [snapshot] = listener.received
    const jobs: unknown = snapshot?.data['jobs']
    expect(jobs).to.be.an('array').with.length(1)
    expect(Array.isArray(jobs) ? jobs[0] : jobs).to.include({ jobId: id, repository: 'owner/before', status: 'queued' })
    listener.close()
  })

  it('has Socket.IO clients come back by themselves', async () => {
    await site.until('Socket.IO to be connected', () => reconnecting.connected)
  })
})
