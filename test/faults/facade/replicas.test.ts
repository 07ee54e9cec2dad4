import { expect } from 'chai'
import { runnerJobs } from '../../../src/api/runner-job.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { succeeds } from '../../kubelet/script.ts'
import { call, expectFailure } from '../../site/calls/call.ts'
import { sideBySide } from '../../site/calls/side-by-side.ts'
import { openSite, type Site, TOKEN } from '../../site/site.ts'
import { type FaultProxy, startFaultProxy } from '../proxy/proxy.ts'

const FACADE = { userAgent: /^runnerhub-facade/ }
const CREATES = { ...FACADE, method: 'POST', path: /\/runnerjobs(\?|$)/ }
const JOB_WATCH = { path: /\/runnerjobs\?.*watch=true/, userAgent: /^runnerhub-cache/ }

interface Pair {
  site: Site
  /** The second replica's. */
  proxy: FaultProxy
  urls: [string, string]
}

async function withPair(test: (pair: Pair) => Promise<void>): Promise<void> {
  const site = await openSite()
  const proxy = await startFaultProxy(site.plane.controlPlane)
  try {
    await site.createPool('default')
    site.kubelet.onPod(() => succeeds())
    const first = await site.operator({ identity: 'first' })
    const second = await site.operator({ proxy, identity: 'second', env: { ROLES: 'facade' } })
    await test({ site, proxy, urls: [first.url, second.url] })
    await site.checkInvariants()
  } finally {
    await site.close()
    await proxy.close()
  }
}

const body = (jobId: string) => ({ jobId, runId: '1', repository: 'owner/repo' })
const authorization = `Bearer ${TOKEN}`
const headers = { authorization, 'content-type': 'application/json' }

/** Delegates a job, under a key if one is given. */
function delegate(url: string, jobId: string, key?: string) {
  const named = { ...headers, ...(key !== undefined && { 'idempotency-key': key }) }
  return call(`${url}/api/jobs/delegate`, { method: 'POST', body: body(jobId), headers: named })
}

async function idFrom(url: string, jobId: string, key?: string): Promise<string> {
  const answer = await delegate(url, jobId, key)
  expect(answer.status, answer.text).to.equal(201)
  return String(asObject(answer.body['data'])['delegationId'])
}

describe('a facade whose cluster responds badly', function () {
  this.timeout('240s')

  sideBySide({
    'a create whose reply is lost makes one job, however often it is sent again': () =>
      withPair(async ({ site, proxy, urls }) => {
        const lost = proxy.when({ ...CREATES, times: 1 }).dropReply()
        const answer = await delegate(urls[1], 'lost')
        expect(lost.hits).to.equal(1)
        expect(answer.status, answer.text).to.be.oneOf([201, 503])
        const ids = new Set(
          await Promise.all([idFrom(urls[1], 'lost'), idFrom(urls[0], 'lost'), idFrom(urls[1], 'lost')]),
        )
        expect(ids.size).to.equal(1)
        expect(await site.list(runnerJobs)).to.have.length(1)
      }),

    'a create whose reply is lost is the same job for a repeat, also after it has ended': () =>
      withPair(async ({ site, proxy, urls }) => {
        proxy.when({ ...CREATES, times: 1 }).dropReply()
        expect((await delegate(urls[1], 'ended', 'key')).status).to.be.oneOf([201, 503])
        const job = await site.until('the job to be there', async () => (await site.list(runnerJobs))[0])
        await site.jobIs(job.metadata.name, { phase: 'Completed' })
        for (const url of [urls[1], urls[0]]) expect(await idFrom(url, 'ended', 'key')).to.equal(job.metadata.name)
        expect(await site.list(runnerJobs)).to.have.length(1)
      }),

    'a replica whose watch has stalled returns the same id, and reads the job of another': () =>
      withPair(async ({ site, proxy, urls }) => {
        const stalled = proxy.when(JOB_WATCH).stall()
        const id = await idFrom(urls[0], 'stale')
        expect(await idFrom(urls[1], 'stale')).to.equal(id)
        const other = await idFrom(urls[0], 'read')
        const read = await call(`${urls[1]}/api/jobs/${other}`)
        expect(read.status, read.text).to.equal(200)
        expect(asObject(read.body['data'])['id']).to.equal(other)
        expect(await site.list(runnerJobs)).to.have.length(2)
        stalled.remove()
      }),

    'a replica whose watch has stalled does not return a job that proxy-complete has ended': () =>
      withPair(async ({ site, proxy, urls }) => {
        const stalled = proxy.when(JOB_WATCH).stall()
        const first = await idFrom(urls[0], 'again')
        await site.jobIs(first, { phase: 'Completed' }, 30_000)
        const url = `${urls[0]}/api/jobs/${first}/proxy-complete`
        expect((await call(url, { method: 'POST', body: { status: 'completed' } })).status).to.equal(200)
        const second = await idFrom(urls[0], 'again')
        expect(second).to.not.equal(first)
        expect(await idFrom(urls[1], 'again')).to.equal(second)
        expect(await site.list(runnerJobs)).to.have.length(2)
        stalled.remove()
      }),

    'an unresponsive API server is 503 after a timeout, and the caller may retry': () =>
      withPair(async ({ proxy, urls }) => {
        const hung = proxy.when({ ...CREATES, times: 1 }).stall()
        const begun = performance.now()
        const answer = await call(`${urls[1]}/api/jobs/delegate`, {
          method: 'POST',
          body: body('hung'),
          withinMs: 40_000,
        })
        expect(answer.status).to.equal(503)
        expect(Number(answer.headers.get('retry-after'))).to.be.above(0)
        expect(performance.now() - begun, 'milliseconds').to.be.within(10_000, 30_000)
        hung.remove()
        const id = await idFrom(urls[1], 'hung')
        expect(await idFrom(urls[0], 'hung'), 'although the first create arrives late').to.equal(id)
      }),

    'an overloaded API server is a 503 for the caller, and its rejection a 400': () =>
      withPair(async ({ proxy, urls }) => {
        const answers: [code: number, reason: string, expected: number, word: string][] = [
          [409, 'Conflict', 503, 'ClusterUnavailable'],
          [500, 'InternalError', 503, 'ClusterUnavailable'],
          [503, 'ServiceUnavailable', 503, 'ClusterUnavailable'],
          [504, 'Timeout', 503, 'ClusterUnavailable'],
          [422, 'Invalid', 400, 'InvalidRequest'],
        ]
        for (const [code, reason, expected, word] of answers) {
          const rule = proxy
            .when(CREATES)
            .answer(code, { kind: 'Status', status: 'Failure', code, reason, message: reason })
          expectFailure(await delegate(urls[1], `code-${code}`), expected, word)
          rule.remove()
        }
        await idFrom(urls[1], 'well')
      }),

    'its readers never see a job go back': () =>
      withPair(async ({ site, proxy, urls }) => {
        const order = ['queued', 'assigned', 'running', 'completed']
        const seen: number[] = []
        const id = await idFrom(urls[1], 'forward')
        const cut = proxy.when({ ...JOB_WATCH, path: /watch=true/ })
        await site.until(
          'the job to be over for the second replica',
          async () => {
            const { body: shown } = await call(`${urls[1]}/api/jobs/${id}`)
            seen.push(order.indexOf(String(asObject(shown['data'])['status'])))
            if (seen.length % 5 === 0) cut.cut().remove()
            return seen.at(-1) === 3
          },
          40_000,
        )
        expect(seen).to.deep.equal(seen.toSorted((a, b) => a - b))
      }),
  })
})
