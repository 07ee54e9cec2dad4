import { expect } from 'chai'
import { pods } from '../../../src/api/pod.ts'
import { runnerJobs } from '../../../src/api/runner-job.ts'
import { runners } from '../../../src/api/runner.ts'
import { exited, exits, runs } from '../../kubelet/script.ts'
import type { Operator } from '../../processes/operator.ts'
import { closeByQuota, openQuota } from '../../site/quota.ts'
import { openSite, type Site } from '../../site/site.ts'
import { type FaultProxy, startFaultProxy } from '../proxy/proxy.ts'

const STALL_MS = 5000

const watchOf = (plural: string) => ({ path: new RegExp(`/${plural}\\?.*watch=true`), userAgent: /^runnerhub-cache/ })

/** An action while a watch is held up, and the expected result. */
interface Case {
  plural: string
  /** Only the watch reports it to the operator: until then the job keeps running. */
  isNeeded?: true
  meanwhile: (site: Site, job: string) => Promise<void>
  ends: { phase: 'Completed' | 'Failed' | 'Cancelled'; reason: string; exitCode?: number } | 'gone'
}

const end = (site: Site, job: string, code: number) => site.kubelet.apply(`${job}-1`, (pod) => exited(pod, code))

const cases: Record<string, Case> = {
  'of pods, at the moment of completion': {
    plural: 'pods',
    isNeeded: true,
    meanwhile: (site, job) => end(site, job, 0),
    ends: { phase: 'Completed', reason: 'Succeeded', exitCode: 0 },
  },
  'of pods, when the pod ends and is deleted soon after': {
    plural: 'pods',
    isNeeded: true,
    async meanwhile(site, job) {
      await end(site, job, 5)
      // Pod times are whole seconds: within one second the order would be unknown.
      const ended = Date.now()
      await site.until('the next second but one', () => Date.now() > ended + 2000)
      await site.delete(pods, `${job}-1`)
    },
    ends: { phase: 'Failed', reason: 'ExitCode', exitCode: 5 },
  },
  'of Runners, at the moment of completion': {
    plural: 'runners',
    meanwhile: (site, job) => end(site, job, 0),
    ends: { phase: 'Completed', reason: 'Succeeded', exitCode: 0 },
  },
  'of jobs, at the moment of completion': {
    plural: 'runnerjobs',
    meanwhile: (site, job) => end(site, job, 0),
    ends: { phase: 'Completed', reason: 'Succeeded', exitCode: 0 },
  },
  'of jobs, when the job is cancelled': {
    plural: 'runnerjobs',
    isNeeded: true,
    meanwhile: (site, job) => site.cancel(job),
    ends: { phase: 'Cancelled', reason: 'CancelRequested' },
  },
  'of jobs, when the job is deleted': {
    plural: 'runnerjobs',
    meanwhile: (site, job) => site.delete(runnerJobs, job),
    ends: 'gone',
  },
  'of jobs, when the job is cancelled and its pod has succeeded': {
    plural: 'runnerjobs',
    async meanwhile(site, job) {
      await site.cancel(job)
      await end(site, job, 0)
    },
    ends: { phase: 'Completed', reason: 'Succeeded', exitCode: 0 },
  },
}

interface Late {
  site: Site
  proxy: FaultProxy
  /** The phase of the job just before the watch continued. */
  phase?: string
}

describe('a watch that is five seconds late', function () {
  this.timeout('90s')
  const scenes: Late[] = []

  // One operator for each case, concurrently: they share the five seconds.
  before(async () => {
    const open = async ([, { plural, meanwhile }]: [string, Case], index: number): Promise<void> => {
      const site = await openSite()
      const proxy = await startFaultProxy(site.plane.controlPlane)
      const late: Late = { site, proxy }
      scenes[index] = late
      await site.createPool('default')
      site.kubelet.onPod(() => runs())
      await site.operator({ proxy })
      await site.createJob('watched')
      await site.jobIs('watched', { phase: 'Running' }, 30_000)
      const rule = proxy.when(watchOf(plural)).stall()
      expect(rule.hits).to.equal(1)
      const stalled = performance.now()
      await meanwhile(site, 'watched')
      // Other jobs come meanwhile: a late watch must not give them a second pod.
      site.kubelet.onPod(() => exits(0))
      await Promise.all(['x', 'y'].map((name) => site.createJob(name)))
      await site.until('the watch to be late', () => performance.now() - stalled > STALL_MS)
      late.phase = (await site.job('watched'))?.status.phase ?? 'gone'
      rule.remove()
    }
    await Promise.all(Object.entries(cases).map(open))
  })
  after(() => Promise.all(scenes.map(async ({ site, proxy }) => Promise.all([site.close(), proxy.close()]))))

  for (const [index, [behaviour, { isNeeded, ends }]] of Object.entries(cases).entries()) {
    it(`delays no other job and changes no outcome: ${behaviour}`, async () => {
      const late = scenes[index]
      if (late === undefined) throw new Error('no scene')
      const { site, phase } = late
      if (isNeeded) expect(phase).to.equal('Running')
      if (ends === 'gone') await site.isGone('watched')
      else await site.jobIs('watched', ends, 30_000)
      for (const job of ['x', 'y']) await site.jobIs(job, { phase: 'Completed' }, 30_000)
      expect(site.kubelet.ledger.all).to.have.length(3)
      await site.checkInvariants()
    })
  }
})

describe('a list that misses existing objects', function () {
  this.timeout('60s')
  let site: Site
  let proxy: FaultProxy
  let operator: Operator

  before(async () => {
    site = await openSite()
    proxy = await startFaultProxy(site.plane.controlPlane)
    await site.createPool('default')
    await closeByQuota(site, 'counted')
    operator = await site.operator()
  })
  after(() => Promise.all([site.close(), proxy.close()]))

  /** Restarts the operator, so that its list misses this name, and waits until it has reconciled. */
  const hide = async (plural: string, hidden: string): Promise<void> => {
    operator.kill()
    const isHidden = (line: string) => line.startsWith('{"type":"ADDED"') && line.includes(`"name":"${hidden}-1"`)
    const rule = proxy.when(watchOf(plural)).rewrite((line) => (isHidden(line) ? '' : line))
    operator = await site.operator({ proxy })
    await operator.leads()
    site.kubelet.onPod(() => exits(0))
    await site.createJob(`beside-${hidden}`, { poolName: 'default' })
    await site.jobIs(`beside-${hidden}`, { phase: 'Completed' })
    expect(rule.hits).to.be.above(0)
  }

  for (const plural of ['pods', 'runners']) {
    it(`ends no job, since an absence is confirmed at the API server: ${plural}`, async () => {
      const hidden = `hidden-${plural}`
      site.kubelet.onPod(() => runs())
      await site.createJob(hidden, { poolName: 'default' })
      await site.jobIs(hidden, { phase: 'Running' })
      await site.until('its Runner to be busy', async () => (await site.runner(hidden))?.status.phase === 'Busy')
      await hide(plural, hidden)
      expect((await site.job(hidden))?.status.phase).to.equal('Running')
      await site.kubelet.apply(`${hidden}-1`, (pod) => exited(pod, 0))
      await site.jobIs(hidden, { phase: 'Completed' })
      await site.checkInvariants()
    })
  }

  it('ends no job whose Runner has no pod yet', async () => {
    await site.createJob('podless', { labels: ['counted'] })
    await site.jobIs('podless', { phase: 'Assigned', reason: 'QuotaExceeded' })
    await hide('runners', 'podless')
    expect((await site.job('podless'))?.status.phase).to.equal('Assigned')
    await openQuota(site)
    // As with a pod above, the watch reports its next change.
    const key = { namespace: site.namespace, name: 'podless-1' }
    const touched = { metadata: { annotations: { touched: 'yes' } } }
    await site.client.patchMerge(runners, key, touched, new AbortController().signal)
    await site.jobIs('podless', { phase: 'Completed' })
    await site.checkInvariants()
  })
})
