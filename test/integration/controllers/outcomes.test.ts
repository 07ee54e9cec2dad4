import { expect } from 'chai'
import { JOB_LABEL } from '../../../src/api/names.ts'
import { type Pod, pods } from '../../../src/api/pod.ts'
import type { NewRunnerJobSpec, RunnerJobStatus } from '../../../src/api/runner-job.ts'
import { runners } from '../../../src/api/runner.ts'
import {
  disrupted,
  exited,
  exits,
  ignored,
  isSetUp,
  refused,
  runs,
  runsOutOfMemory,
  type Script,
  succeeds,
  unschedulable,
  waitsFor,
  wholeSeconds,
} from '../../kubelet/script.ts'
import { warn } from '../../kubelet/warn.ts'
import { openSite, type Site } from '../../site/site.ts'

interface Case {
  job: string
  spec?: Partial<NewRunnerJobSpec>
  script: Script
  ends: Partial<RunnerJobStatus>
}

const failed = (reason: string, exitCode?: number): Partial<RunnerJobStatus> => ({
  phase: 'Failed',
  reason,
  ...(exitCode !== undefined && { exitCode }),
})
const startError = (pod: Parameters<typeof exited>[0]) => exited(pod, 128, 'StartError')

const initFailed = () => {
  const terminated = { exitCode: 2, reason: 'Error', startedAt: wholeSeconds(), finishedAt: wholeSeconds() }
  const status = { name: 'prepare', image: 'any', imageID: '', ready: false, restartCount: 0, state: { terminated } }
  return { phase: 'Failed', initContainerStatuses: [status] }
}

const cases: Record<string, Case> = {
  'Succeeded: exit code 0': {
    job: 'zero',
    script: succeeds({ runMs: 100 }),
    ends: { phase: 'Completed', reason: 'Succeeded', exitCode: 0 },
  },
  'ExitCode: any other': { job: 'seven', script: exits(7), ends: failed('ExitCode', 7) },
  'ExitCode: of a container that was to run before': {
    job: 'unprepared',
    script: { steps: [{ act: 'bind' }, { act: initFailed }] },
    ends: failed('ExitCode', 2),
  },
  'OOMKilled: too much memory': { job: 'memory', script: runsOutOfMemory(), ends: failed('OOMKilled', 137) },
  'Evicted: through the API': {
    job: 'evicted',
    script: disrupted('EvictionByEvictionAPI', 'Eviction API: evicting'),
    ends: failed('Evicted', 137),
  },
  'Evicted: by the kubelet, whose status has no container': {
    job: 'pressed',
    script: refused('Evicted', 'The node was low on resource: memory.'),
    ends: failed('Evicted'),
  },
  'Preempted: for a pod that matters more': {
    job: 'preempted',
    script: disrupted('PreemptionByScheduler', 'default-scheduler: preempting'),
    ends: failed('Preempted', 137),
  },
  'NodeLost: the pod was collected with its node': {
    job: 'collected',
    script: disrupted('DeletionByPodGC', 'PodGC: node no longer exists'),
    ends: failed('NodeLost', 137),
  },
  'NodeLost: the node says nothing any more': {
    job: 'silent',
    script: refused('NodeLost', 'Node stand-in which was running pod is unresponsive'),
    ends: failed('NodeLost'),
  },
  'Unschedulable: the kubelet turned it away': {
    job: 'refused',
    script: refused('OutOfcpu', 'Node didn’t have enough resource: cpu'),
    ends: failed('Unschedulable'),
  },
  'ImagePull: a name that no registry can have': {
    job: 'misnamed',
    script: waitsFor('InvalidImageName'),
    ends: failed('ImagePull'),
  },
  'ImagePull: not within the patience for it': {
    job: 'unpulled',
    script: waitsFor('ImagePullBackOff'),
    ends: failed('ImagePull'),
  },
  'InvalidPod: a container that cannot be configured': {
    job: 'unconfigured',
    script: waitsFor('CreateContainerConfigError', 'secret "x" not found'),
    ends: failed('InvalidPod'),
  },
  'InvalidPod: a command that cannot be started': {
    job: 'unstartable',
    script: { steps: [{ act: 'bind' }, { act: startError }] },
    ends: failed('InvalidPod', 128),
  },
  'AdmissionDenied: a template that Pod Security refuses': {
    job: 'privileged',
    spec: { poolName: 'privileged' },
    script: ignored(),
    ends: failed('AdmissionDenied'),
  },
  'VolumeUnavailable: a claim that is missing': {
    job: 'unclaimed',
    script: unschedulable('0/1 nodes are available: persistentvolumeclaim "data" not found.'),
    ends: failed('VolumeUnavailable'),
  },
  'JobTimeout: it ran too long': {
    job: 'endless',
    spec: { timeoutSeconds: 2 },
    script: runs(),
    ends: failed('JobTimeout'),
  },
  'JobTimeout: no node took its pod': {
    job: 'homeless',
    spec: { timeoutSeconds: 2 },
    script: unschedulable(),
    ends: failed('JobTimeout'),
  },
  'JobTimeout: no pod could be made of its pool’s template': {
    job: 'malformed',
    spec: { timeoutSeconds: 2, poolName: 'malformed' },
    script: ignored(),
    ends: failed('JobTimeout'),
  },
  'JobTimeout: no slot became free': {
    job: 'placeless',
    spec: { timeoutSeconds: 2, poolName: 'closed' },
    script: ignored(),
    ends: failed('JobTimeout'),
  },
}

const tainted = {
  type: 'DisruptionTarget',
  status: 'True',
  reason: 'DeletionByTaintManager',
  message: 'Taint manager: deleting due to NoExecute taint',
}

describe('the outcome of a job', function () {
  this.timeout('60s')
  let site: Site

  before(async () => {
    site = await openSite()
    // Ends are the subject here; retries.test.ts has what follows some of them.
    await site.createPool('default', { retry: { maxAttempts: 1, backoffSeconds: 1 } })
    await site.createPool('closed', { maxRunners: 0 })
    await site.createPool('malformed', { template: { spec: { containers: [{ name: 'UPPER', image: 'runner' }] } } })
    const securityContext = { privileged: true, allowPrivilegeEscalation: true }
    const containers = [{ name: 'runner', image: 'runner', securityContext }]
    await site.createPool('privileged', { template: { spec: { containers } } })
    const lifecycle = { postStart: { exec: { command: ['false'] } } }
    await site.createPool('hooked', {
      template: { spec: { containers: [{ name: 'runner', image: 'runner', lifecycle }] } },
    })
    const livenessProbe = { exec: { command: ['false'] } }
    await site.createPool('probed', {
      template: { spec: { containers: [{ name: 'runner', image: 'runner', livenessProbe }] } },
    })
    await site.operator({ env: { START_TROUBLE_SECONDS: '2' } })
    // Concurrently: most of them wait for a while.
    const scripts = new Map(Object.values(cases).map(({ job, script }) => [job, script]))
    scripts.set('silenced', { ...runs(), stop: 'never' })
    site.kubelet.onPod(({ metadata }) => scripts.get(metadata.labels?.[JOB_LABEL] ?? '') ?? runs())
    const all = Object.values(cases).map(({ job, spec }) => site.createJob(job, { poolName: 'default', ...spec }))
    await Promise.all([...all, site.createJob('silenced', { poolName: 'default' })])
    await site.jobIs('silenced', { phase: 'Running' })
    // The taint manager does this when a node no longer responds; the kubelet never reports the end of the pod.
    const condition = { ...tainted, lastTransitionTime: wholeSeconds() }
    await site.kubelet.apply('silenced-1', (pod) => ({ ...pod.status, conditions: [condition] }))
    await site.delete(pods, 'silenced-1')
  })
  const podOf = (job: string): Promise<Pod> => site.until(`the pod of ${job}`, () => site.pod(job))

  afterEach(() => site.checkInvariants())
  after(() => site.close())

  for (const [behaviour, { job, ends }] of Object.entries(cases)) {
    it(behaviour, async () => {
      const { status } = await site.jobIs(job, ends)
      if ((status.message ?? '') === '') throw new Error(`job ${job} says nothing to people`)
      if (ends.phase === 'Failed') await site.eventRecorded(job, status.reason ?? '')
    })
  }

  it('VolumeUnavailable: a failed mount, which only Events report', async () => {
    site.kubelet.onPod(() => isSetUp())
    await site.createJob('unmounted', { poolName: 'default' })
    await warn(site.client, await podOf('unmounted'), { reason: 'FailedMount', message: 'secret "x" not found' })
    const { status } = await site.jobIs('unmounted', failed('VolumeUnavailable'))
    expect(status.message).to.equal('secret "x" not found')
    await site.until('its pod to be stopped', async () => (await site.pod('unmounted')) === undefined)
  })

  it('HookFailed: a failed postStart hook, which only an Event reports', async () => {
    site.kubelet.onPod(() => isSetUp())
    await site.createJob('hooked', { poolName: 'hooked' })
    const event = { reason: 'FailedPostStartHook', message: 'PostStartHook failed', container: 'runner' }
    await warn(site.client, await podOf('hooked'), event)
    await site.kubelet.apply('hooked-1', (pod) => exited(pod, 137))
    const { status } = await site.jobIs('hooked', failed('HookFailed', 137))
    expect(status.message).to.include('postStart hook').and.to.include('exit code 137')
    await site.eventRecorded('hooked', 'HookFailed')
  })

  it('ProbeFailed: a probe for which the kubelet ended the container, though the job then exits with code 0', async () => {
    site.kubelet.onPod(() => runs())
    await site.createJob('probed', { poolName: 'probed' })
    await site.jobIs('probed', { phase: 'Running' })
    const before = await podOf('probed')
    const unhealthy = { reason: 'Unhealthy', message: 'Liveness probe failed: refused', container: 'runner' }
    await warn(site.client, before, unhealthy)
    const killing = { type: 'Normal', reason: 'Killing', message: 'Stopping container runner', container: 'runner' }
    await warn(site.client, before, killing)
    await site.kubelet.apply('probed-1', (pod) => exited(pod, 0))
    const { status } = await site.jobIs('probed', failed('ProbeFailed', 0))
    expect(status.message).to.equal("the liveness probe of the job's container failed (exit code 0)")
  })

  it('JobTimeout: the pod of a job that ran too long is stopped', async () => {
    await site.jobIs('endless', { phase: 'Failed' })
    await site.until('the pod to be stopped', async () => (await site.pod('endless')) === undefined)
  })

  it('PodDeleted: somebody deleted the running pod', async () => {
    site.kubelet.onPod(() => runs())
    await site.createJob('deleted', { poolName: 'default' })
    await site.jobIs('deleted', { phase: 'Running' })
    await site.delete(pods, 'deleted-1')
    await site.jobIs('deleted', failed('PodDeleted', 143))
    await site.until('the pod to be gone', async () => (await site.pod('deleted')) === undefined)
  })

  it('PodDeleted: somebody deleted the pod before a node had it', async () => {
    site.kubelet.onPod(() => ignored())
    await site.createJob('unbound', { poolName: 'default' })
    await site.kubeletHas('unbound')
    await site.delete(pods, 'unbound-1')
    await site.jobIs('unbound', failed('PodDeleted'))
    await site.until('the pod to be gone', async () => (await site.pod('unbound')) === undefined)
  })

  it('PodDeleted: somebody deleted the Runner', async () => {
    site.kubelet.onPod(() => runs())
    await site.createJob('runnerless', { poolName: 'default' })
    await site.jobIs('runnerless', { phase: 'Running' })
    await site.delete(runners, 'runnerless-1')
    await site.jobIs('runnerless', failed('PodDeleted'))
    await site.until('the pod to be gone', async () => (await site.pod('runnerless')) === undefined)
  })

  it('NodeLost: a tainted node never reports the end of the pod, half a minute after its grace period', async () => {
    await site.jobIs('silenced', failed('NodeLost'), 45_000)
    const isFree = async () => (await site.pod('silenced'))?.metadata.finalizers === undefined
    await site.until('its pod to be released', isFree)
    await site.delete(pods, 'silenced-1', 0)
  })
})
