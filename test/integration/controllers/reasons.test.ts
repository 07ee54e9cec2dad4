import { expect } from 'chai'
import { JOB_LABEL } from '../../../src/api/names.ts'
import type { NewRunnerJobSpec, RunnerJob } from '../../../src/api/runner-job.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import {
  disrupted,
  exits,
  ignored,
  refused,
  runs,
  runsOutOfMemory,
  type Script,
  unschedulable,
  waitsFor,
} from '../../kubelet/script.ts'
import { RestClient } from '../../observe/rest-client.ts'
import type { Operator } from '../../processes/operator.ts'
import { scrape } from '../../site/calls/metrics.ts'
import { closeByQuota } from '../../site/quota.ts'
import { openSite, type Site, TOKEN } from '../../site/site.ts'
import { type Listener, rawListener } from '../realtime/listener.ts'

/** How soon a reason appears after its cause, and the second that times of the API server are cut by. */
const WITHIN_MS = 5000 + 1000

interface Case {
  cause: string
  job: string
  spec: Partial<NewRunnerJobSpec>
  script?: Script
  phase: 'Queued' | 'Assigned' | 'Failed'
  reason: string
}

/** The job with its reason, and when every other channel had shown that too. */
interface Shown {
  job: RunnerJob
  at: number
}

const inPool = (poolName: string) => ({ poolName })

const cases: Case[] = [
  {
    cause: 'labels that no pool has',
    job: 'strange',
    spec: { labels: ['gpu'] },
    phase: 'Queued',
    reason: 'NoMatchingPool',
  },
  { cause: 'a broken template', job: 'unready', spec: inPool('malformed'), phase: 'Queued', reason: 'PoolNotReady' },
  { cause: 'no free slot', job: 'placeless', spec: inPool('closed'), phase: 'Queued', reason: 'PoolFull' },
  { cause: 'a paused pool', job: 'paused', spec: inPool('paused'), phase: 'Queued', reason: 'PoolPaused' },
  { cause: 'a quota', job: 'counted', spec: { labels: ['counted'] }, phase: 'Assigned', reason: 'QuotaExceeded' },
  { cause: 'Pod Security', job: 'privileged', spec: inPool('privileged'), phase: 'Failed', reason: 'AdmissionDenied' },
  {
    cause: 'a scheduling gate',
    job: 'gated',
    spec: inPool('gated'),
    script: ignored(),
    phase: 'Assigned',
    reason: 'SchedulingGated',
  },
  {
    cause: 'no room on any node',
    job: 'homeless',
    spec: {},
    script: unschedulable(),
    phase: 'Assigned',
    reason: 'Unschedulable',
  },
  {
    cause: 'a missing claim',
    job: 'unclaimed',
    spec: {},
    script: unschedulable('0/1 nodes are available: persistentvolumeclaim "data" not found.'),
    phase: 'Assigned',
    reason: 'VolumeUnavailable',
  },
  {
    cause: 'an image that cannot be pulled',
    job: 'unpulled',
    spec: {},
    script: waitsFor('ErrImagePull'),
    phase: 'Assigned',
    reason: 'ImagePull',
  },
  {
    cause: 'a wrong image name',
    job: 'misnamed',
    spec: {},
    script: waitsFor('InvalidImageName'),
    phase: 'Failed',
    reason: 'ImagePull',
  },
  {
    cause: 'a missing Secret',
    job: 'unconfigured',
    spec: {},
    script: waitsFor('CreateContainerConfigError', 'secret "x" not found'),
    phase: 'Assigned',
    reason: 'InvalidPod',
  },
  {
    cause: 'a failing hook',
    job: 'hooked',
    spec: {},
    script: waitsFor('PostStartHookError'),
    phase: 'Assigned',
    reason: 'HookFailed',
  },
  {
    cause: 'a node that rejects the pod',
    job: 'rejected',
    spec: {},
    script: refused('OutOfcpu', 'no cpu'),
    phase: 'Queued',
    reason: 'Retrying',
  },
  {
    cause: 'too little memory',
    job: 'hungry',
    spec: {},
    script: runsOutOfMemory(),
    phase: 'Failed',
    reason: 'OOMKilled',
  },
  {
    cause: 'a spent budget for further attempts',
    job: 'spent',
    spec: inPool('poor'),
    script: refused('OutOfcpu', 'no cpu'),
    phase: 'Failed',
    reason: 'RetryBudgetSpent',
  },
  { cause: 'its own end', job: 'failing', spec: {}, script: exits(3), phase: 'Failed', reason: 'ExitCode' },
  {
    cause: 'a drain',
    job: 'drained',
    spec: {},
    script: disrupted('EvictionByEvictionAPI', 'Eviction API: evicting'),
    phase: 'Failed',
    reason: 'Evicted',
  },
  {
    cause: 'a pod of a higher priority',
    job: 'preempted',
    spec: {},
    script: disrupted('PreemptionByScheduler', 'preempting to accommodate a higher priority pod'),
    phase: 'Failed',
    reason: 'Preempted',
  },
  {
    cause: 'a node that is gone',
    job: 'orphaned',
    spec: {},
    script: disrupted('DeletionByPodGC', 'node no longer exists'),
    phase: 'Failed',
    reason: 'NodeLost',
  },
]

describe('the reason of a job that waits or failed', function () {
  this.timeout('60s')
  let site: Site
  let operator: Operator
  let rest: RestClient
  let listener: Listener
  const seen = new Map<string, Promise<Shown>>()

  before(async () => {
    site = await openSite()
    const containers = [{ name: 'runner', image: 'runner' }]
    const securityContext = { privileged: true, allowPrivilegeEscalation: true }
    const template = (spec: object, container: object = {}) => ({
      template: { spec: { containers: [{ ...containers[0], ...container }], ...spec } },
    })
    await Promise.all([
      site.createPool('default', { labels: ['linux'], retry: { maxAttempts: 3, backoffSeconds: 600 } }),
      site.createPool('poor', {
        labels: ['poor'],
        retry: { maxAttempts: 3, backoffSeconds: 1, budget: { windowSeconds: 3600, perRepository: 0, perPool: 100 } },
      }),
      site.createPool('malformed', { labels: ['malformed'], ...template({}, { name: 'UPPER' }) }),
      site.createPool('closed', { labels: ['closed'], maxRunners: 0 }),
      site.createPool('impatient', { labels: ['impatient'], maxRunners: 0, queueTimeoutSeconds: 1 }),
      site.createPool('paused', { labels: ['paused'], paused: true }),
      site.createPool('privileged', { labels: ['privileged'], ...template({}, { securityContext }) }),
      site.createPool('gated', {
        labels: ['gated'],
        ...template({ schedulingGates: [{ name: 'example.com/queue' }] }),
      }),
      closeByQuota(site, 'counted'),
    ])
    operator = await site.operator()
    rest = new RestClient(operator.url)
    listener = await rawListener(operator.realtimeUrl, { token: TOKEN })
    await listener.send('subscribe:repository', { all: true })
    const scripts = new Map(cases.map(({ job, script }) => [job, script ?? runs()]))
    scripts.set('slow', unschedulable())
    site.kubelet.onPod(({ metadata }) => scripts.get(metadata.labels?.[JOB_LABEL] ?? '') ?? runs())
    await Promise.all(
      cases.map(async (each) => {
        const { job, spec } = each
        const labels = spec.labels ?? ['linux']
        await site.createJob(job, spec.poolName === undefined ? { ...spec, labels } : spec)
        seen.set(job, shownOf(each))
      }),
    )
    await site.createJob('slow', { labels: ['linux'], startTimeoutSeconds: 3 })
    for (const each of seen.values()) each.catch(() => {}) // its own test fails
  })
  afterEach(() => site.checkInvariants())
  after(async () => {
    listener?.close()
    await site.close()
  })

  /** When its cause was there: with the job, or with its pod. */
  async function causedAt(job: RunnerJob): Promise<number> {
    const pod = await site.pod(job.metadata.name)
    return Date.parse(pod?.metadata.creationTimestamp ?? job.metadata.creationTimestamp)
  }

  /** Follows the status of a job, and then looks for its reason in every other channel. */
  async function shownOf({ job: name, phase, reason }: Case): Promise<Shown> {
    const job = await site.jobIs(name, { phase, reason }, 20_000)
    const { uid } = job.metadata
    const isHeard = () =>
      listener.received.some(({ data: heard }) => heard['jobId'] === uid && heard['reason'] === reason)
    await Promise.all([site.eventRecorded(name, reason), site.until(`a message of ${name}`, isHeard)])
    const { data } = await rest.get(`/api/jobs/${uid}`)
    expect(asObject(asObject(data)['metadata'])['reason'], 'in REST').to.equal(reason)
    const metrics = await scrape(operator)
    const metric = phase === 'Failed' ? 'job_failures_total' : 'waiting_jobs'
    expect(metrics.get(`github_runnerhub_${metric}{reason="${reason}"}`), 'in metrics').to.be.at.least(1)
    return { job, at: Date.now() }
  }

  for (const { cause, job: name, phase, reason } of cases) {
    it(`is ${reason} within 5 s, in status, condition, Event, REST, realtime and metric: ${cause}`, async () => {
      const { job, at } = (await seen.get(name)) ?? expect.fail('not created')
      const type = phase === 'Failed' ? 'Failed' : 'Waiting'
      const condition = job.status.conditions?.find((each) => each.type === type)
      expect(condition).to.include({ status: 'True', reason })
      expect(at - (await causedAt(job)), 'milliseconds after the cause').to.be.below(WITHIN_MS)
    })
  }

  it('is JobTimeout with its own limit of the start, and what its pod waited for', async () => {
    const { status } = await site.jobIs('slow', { phase: 'Failed', reason: 'JobTimeout' })
    expect(status.message).to.match(
      /^the job waited for its pod longer than startTimeoutSeconds \(3 s\).*Insufficient cpu/,
    )
  })

  it('is JobTimeout with the limit of its pool, and what it waited for', async () => {
    await site.createJob('impatient', inPool('impatient'))
    const { status } = await site.jobIs('impatient', { phase: 'Failed', reason: 'JobTimeout' })
    expect(status.message).to.match(
      /^the job waited in the queue longer than queueTimeoutSeconds of RunnerPool impatient \(1 s\)/,
    )
  })
})
