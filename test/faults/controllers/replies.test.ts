import { expect } from 'chai'
import { OUTCOME_FINALIZER } from '../../../src/api/names.ts'
import { pods } from '../../../src/api/pod.ts'
import { elementsOf } from '../../../src/api/json.ts'
import { exited, runs, succeeds } from '../../kubelet/script.ts'
import type { Operator } from '../../processes/operator.ts'
import { openSite, type Site, TOKEN } from '../../site/site.ts'
import { type FaultProxy, startFaultProxy } from '../proxy/proxy.ts'
import type { Match } from '../proxy/rules.ts'

const CONTROLLERS = { userAgent: /^runnerhub-controller/ }
const ABOUT_JOBS = { ...CONTROLLERS, path: /\/(runnerjobs|runners|pods)(\/|\?|$)/ }
const status = (code: number, reason: string) => ({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason })

describe('an API server that responds badly', function () {
  this.timeout('90s')
  let site: Site
  let proxy: FaultProxy
  let operator: Operator

  before(async () => {
    site = await openSite()
    proxy = await startFaultProxy(site.plane.controlPlane)
    await site.createPool('default')
    operator = await site.operator({ proxy })
  })
  beforeEach(async () => {
    site.kubelet.onPod(() => succeeds({ runMs: 100 }))
    const last = (): number => proxy.seen(ABOUT_JOBS).at(-1)?.at ?? 0
    await site.until('the operator to have nothing to do', () => performance.now() - last() > 500)
  })
  afterEach(async () => {
    proxy.clear()
    await site.checkInvariants()
  })
  after(() => Promise.all([site.close(), proxy.close()]))

  const lost: Record<string, Match> = {
    'the create of the Runner': { method: 'POST', path: /\/runners(\?|$)/ },
    'the create of the pod': { method: 'POST', path: /\/pods(\?|$)/ },
    'the status of the job': { method: 'PUT', path: /\/runnerjobs\/.*\/status/ },
    'the status of the Runner': { method: 'PUT', path: /\/runners\/.*\/status/ },
    'the removal of the finalizer': { method: 'PATCH', path: /\/pods\// },
  }
  for (const [index, [write, match]] of Object.entries(lost).entries()) {
    it(`makes the operator adopt its own write after a lost response: ${write}`, async () => {
      // Without having been seen to run, the Runner has no status to be written.
      const mustBeSeen = write === 'the status of the Runner'
      if (mustBeSeen) site.kubelet.onPod(() => runs())
      const rule = proxy.when({ ...CONTROLLERS, ...match, times: 1 }).dropReply()
      const job = `lost-${index}`
      const { metadata } = await site.createJob(job)
      if (mustBeSeen) {
        await site.until('the write', () => rule.hits > 0)
        await site.kubelet.apply(`${job}-1`, (pod) => exited(pod, 0))
      }
      const { status: end } = await site.jobIs(job, { phase: 'Completed', exitCode: 0 })
      await site.until('the pod to be released', async () => (await site.pod(job))?.metadata.finalizers === undefined)
      expect(rule.hits).to.equal(1)
      expect(site.kubelet.ledger.of(metadata.uid).map(({ uid }) => uid)).to.deep.equal([end.podUID])
    })
  }

  it('makes the operator adopt its Runner even without a watch event', async () => {
    const blind = proxy.when({ path: /\/runners\?.*watch=true/ }).stall()
    proxy.when({ ...CONTROLLERS, method: 'POST', path: /\/runners(\?|$)/, times: 1 }).dropReply()
    await site.createJob('blind')
    await site.jobIs('blind', { phase: 'Completed' })
    expect(blind.hits, 'watches').to.equal(1)
  })

  it('delays no job for long when every response is lost for a while', async () => {
    const rule = proxy.when({ ...ABOUT_JOBS, times: 25 }).dropReply()
    const jobs = ['mute-0', 'mute-1', 'mute-2']
    for (const job of jobs) await site.createJob(job)
    for (const job of jobs) await site.jobIs(job, { phase: 'Completed' }, 30_000)
    expect(rule.hits).to.be.above(10)
  })

  it('makes the operator obey Retry-After during a storm of 429, and resume after it', async () => {
    const rule = proxy
      .when(ABOUT_JOBS)
      .answer(429, { ...status(429, 'TooManyRequests'), details: { retryAfterSeconds: 1 } }, { 'Retry-After': '1' })
    const jobs = Array.from({ length: 10 }, (_, index) => `storm-${index}`)
    for (const job of jobs) await site.createJob(job)
    const since = performance.now()
    await site.until('the storm to have lasted four seconds', () => performance.now() - since > 4000)
    // Once a second and key at the most; a second key for each job would be its Runner.
    expect(rule.hits, 'requests in four seconds').to.be.within(jobs.length, jobs.length * 7)
    rule.remove()
    for (const job of jobs) await site.jobIs(job, { phase: 'Completed' }, 20_000)
  })

  for (const [code, reason] of [
    [500, 'InternalError'],
    [503, 'ServiceUnavailable'],
    [403, 'Forbidden'],
    [409, 'Conflict'],
  ] as const) {
    it(`makes the operator back off from ${code}, and complete the job after it`, async () => {
      const rule = proxy.when(ABOUT_JOBS).answer(code, status(code, reason))
      const jobs = Array.from({ length: 5 }, (_, index) => `code-${code}-${index}`)
      for (const job of jobs) await site.createJob(job)
      const since = performance.now()
      await site.until('the trouble to have lasted two seconds', () => performance.now() - since > 2000)
      // 5 ms, doubled each time: ten tries take some three seconds.
      expect(rule.hits, 'requests in two seconds').to.be.within(jobs.length, jobs.length * 20)
      rule.remove()
      for (const job of jobs) await site.jobIs(job, { phase: 'Completed' }, 20_000)
    })
  }

  it('keeps the finalizer on a pod until its outcome is stored, even if the pod is deleted meanwhile', async () => {
    site.kubelet.onPod(() => runs())
    await site.createJob('held')
    await site.jobIs('held', { phase: 'Running' })
    const rule = proxy
      .when({ ...CONTROLLERS, method: 'PUT', path: /\/runnerjobs\// })
      .answer(500, status(500, 'InternalError'))
    await site.kubelet.apply('held-1', (pod) => exited(pod, 9))
    // The times of pods are whole seconds: within the same one nobody could tell which came first.
    const ended = Date.now()
    await site.until('the operator to have tried for a while', () => rule.hits > 3 && Date.now() > ended + 2000)
    await site.delete(pods, 'held-1')
    const tries = rule.hits
    await site.until('the operator to have tried again', () => rule.hits > tries)
    expect((await site.pod('held'))?.metadata.finalizers, 'its only proof').to.include(OUTCOME_FINALIZER)
    rule.remove()
    await site.jobIs('held', { phase: 'Failed', reason: 'ExitCode', exitCode: 9 }, 30_000)
    await site.until('the pod to be gone', async () => (await site.pod('held')) === undefined)
  })

  it('makes the operator delete a pod with a sidecar if it may not set a deadline', async () => {
    site.kubelet.onPod(() => runs())
    await site.createJob('helped')
    await site.jobIs('helped', { phase: 'Running' })
    const rule = proxy
      .when({ ...CONTROLLERS, method: 'PATCH', path: /\/pods\/helped-1/, times: 1 })
      .answer(403, status(403, 'Forbidden'))
    await site.kubelet.apply('helped-1', (pod) => {
      const helpers = (pod.status?.containerStatuses ?? []).map((container) => ({ ...container, name: 'helper' }))
      const { containerStatuses } = exited(pod, 0)
      return { phase: 'Running', containerStatuses: [...elementsOf(containerStatuses), ...helpers] }
    })
    await site.jobIs('helped', { phase: 'Completed', exitCode: 0 })
    await site.until('the pod to be gone', async () => (await site.pod('helped')) === undefined)
    expect(rule.hits).to.equal(1)
  })

  it('makes the operator delete the pod of a cancelled job if it may not set a deadline', async () => {
    site.kubelet.onPod(() => runs())
    await site.createJob('cancelled')
    await site.jobIs('cancelled', { phase: 'Running' })
    const rule = proxy
      .when({ ...CONTROLLERS, method: 'PATCH', path: /\/pods\/cancelled-1/, times: 1 })
      .answer(403, status(403, 'Forbidden'))
    await site.cancel('cancelled')
    await site.jobIs('cancelled', { phase: 'Cancelled', reason: 'CancelRequested' })
    await site.until('the pod to be gone', async () => (await site.pod('cancelled')) === undefined)
    expect(rule.hits).to.equal(1)
    site.kubelet.onPod(() => succeeds())
  })

  it('does not delay other jobs while one of them gets no response', async () => {
    const rule = proxy.when({ ...CONTROLLERS, method: 'PUT', path: /\/runnerjobs\/hung\/status/ }).stall()
    await site.createJob('hung')
    await site.until('the write to hang', () => rule.hits > 0)
    const jobs = Array.from({ length: 10 }, (_, index) => `free-${index}`)
    for (const job of jobs) await site.createJob(job)
    for (const job of jobs) await site.jobIs(job, { phase: 'Completed' })
    rule.remove()
    await site.jobIs('hung', { phase: 'Completed' }, 30_000)
  })

  it('is logged, without a secret', async () => {
    const before = operator.log.length
    proxy.when({ ...ABOUT_JOBS, times: 3 }).answer(500, status(500, 'InternalError'))
    await site.createJob('logged')
    await site.jobIs('logged', { phase: 'Completed' })
    const failed = operator.log.slice(before).filter(({ msg }) => msg === 'reconcile failed')
    expect(failed).to.have.length(3)
    const log = JSON.stringify(operator.log)
    for (const secret of [site.token, TOKEN]) expect(log.includes(secret), 'a token in the log').to.equal(false)
  })
})
