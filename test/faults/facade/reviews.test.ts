import { expect } from 'chai'
import { runnerJobs } from '../../../src/api/runner-job.ts'
import type { Operator } from '../../processes/operator.ts'
import { bind, makeAccount, tokenOf, unbind } from '../../site/accounts.ts'
import { type Answer, call, expectFailure, isMarkedStale, openAnswer } from '../../site/calls/call.ts'
import { openSite, type Site } from '../../site/site.ts'
import { type FaultProxy, startFaultProxy } from '../proxy/proxy.ts'

const REVIEWS = /reviews$/
const CACHE_SECONDS = 2

describe('reviews of callers', function () {
  this.timeout('60s')
  let site: Site
  let proxy: FaultProxy
  let operator: Operator
  const tokens: Record<string, string> = {}

  before(async () => {
    site = await openSite()
    proxy = await startFaultProxy(site.plane.controlPlane)
    await Promise.all(['viewer', 'proxy'].map((kind) => makeAccount(site, kind, `runnerhub-${kind}`)))
    await makeAccount(site, 'changing')
    for (const name of ['viewer', 'proxy', 'changing']) tokens[name] = await tokenOf(site, name)
    operator = await site.operator({
      proxy,
      env: { AUTH_CACHE_SECONDS: String(CACHE_SECONDS), REAUTHORISE_SECONDS: '1' },
    })
  })
  after(async () => {
    await site.close()
    await proxy.close()
  })

  function as(who: string, path: string, body?: object): Promise<Answer> {
    const headers = { authorization: `Bearer ${tokens[who]}`, 'content-type': 'application/json' }
    return call(`${operator.url}${path}`, { headers, ...(body !== undefined && { method: 'POST', body }) })
  }

  const reviews = (since: number) => proxy.requests.slice(since).filter(({ path }) => REVIEWS.test(path))

  it('are two for any number of concurrent calls of one caller', async () => {
    const [since, begun] = [proxy.requests.length, performance.now()]
    const answers = await Promise.all(Array.from({ length: 50 }, () => as('viewer', '/api/jobs/none')))
    const periods = 1 + Math.floor((performance.now() - begun) / (CACHE_SECONDS * 1000))
    expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([404]))
    const paths = reviews(since).map(({ path }) => path.split('/').at(-1))
    expect(paths.slice(0, 2)).to.deep.equal(['tokenreviews', 'subjectaccessreviews'])
    expect(paths.length, `in ${periods} periods of the cache`).to.be.at.most(2 * periods)
  })

  it('are none for a token that the cluster cannot have issued', async () => {
    const since = proxy.requests.length
    tokens['guess'] = 'not-a-token'
    expectFailure(await as('guess', '/api/jobs'), 401, 'Unauthorized')
    expect(reviews(since)).to.deep.equal([])
  })

  it('apply a granted or revoked permission within seconds', async () => {
    expectFailure(await as('changing', '/api/jobs'), 403, 'Forbidden')
    await bind(site, 'changing', 'runnerhub-viewer')
    await site.until('the right to count', async () => (await as('changing', '/api/jobs')).status === 200)
    await unbind(site, 'changing')
    await site.until('the right to be gone', async () => (await as('changing', '/api/jobs')).status === 403)
  })

  it('go on while a log is followed, and cut it off when the permission is revoked', async () => {
    await bind(site, 'changing', 'runnerhub-viewer')
    const job = await site.createJob('followed', { labels: ['no-such-label'] })
    const follow = async (who: string) =>
      openAnswer(`${operator.url}/api/jobs/${job.metadata.name}/logs?follow=true`, {
        headers: { authorization: `Bearer ${tokens[who]}` },
        signal: AbortSignal.timeout(30_000),
      })
    const opened = await site.until('the right to count', async () => {
      const response = await follow('changing')
      return response.status === 200 ? response : undefined
    })
    const other = await follow('viewer')
    await unbind(site, 'changing')
    const cut = await opened.text().catch((error: unknown) => String(error))
    expect(cut).to.include('terminated')
    await site.cancel('followed')
    expect(await other.text(), 'that of another caller ends with its job').to.equal('')
    await site.delete(runnerJobs, 'followed')
    await site.isGone('followed')
  })

  it('that fail allow only reads of known callers, marked as stale', async () => {
    const delegation = { jobId: '1', runId: '1', repository: 'owner/outage' }
    expect((await as('viewer', '/api/jobs')).headers.get('x-runnerhub-stale')).to.equal(null)
    expectFailure(await as('proxy', '/api/jobs/delegate', {}), 400, 'InvalidRequest')
    const cut = proxy.when({ path: REVIEWS }).cut()
    const marked = async () => {
      const answer = await as('viewer', '/api/jobs')
      expect(answer.status, answer.text).to.equal(200)
      return isMarkedStale(answer)
    }
    await site.until('an answer to be marked', marked)
    expectFailure(await as('viewer', '/api/runners'), 503, 'ClusterUnavailable')
    expectFailure(await as('changing', '/api/jobs'), 503, 'ClusterUnavailable')
    // The word of a moment ago still counts, also for writes; then none does.
    const isOld = async () => (await as('proxy', '/api/jobs/delegate', {})).status === 503
    await site.until('the right to delegate to be old', isOld)
    const refused = await as('proxy', '/api/jobs/delegate', delegation)
    expectFailure(refused, 503, 'ClusterUnavailable')
    expect(refused.headers.get('retry-after')).to.match(/^\d+$/)
    cut.remove()
    await site.until('an answer without the mark', async () => !(await marked()))
    expect(await site.list(runnerJobs), 'nothing was delegated').to.deep.equal([])
  })
})
