import { expect } from 'chai'
import type { Pod } from '../../../../src/api/pod.ts'
import { type RunnerJob, runnerJobStatus } from '../../../../src/api/runner-job.ts'
import type { Runner } from '../../../../src/api/runner.ts'
import { type JobPlan, planJob } from '../../../../src/domain/job/plan.ts'
import type { Admission, JobView } from '../../../../src/domain/job/view.ts'
import { podState } from '../../../../src/domain/pod/state.ts'
import {
  aContainer,
  aJob,
  aPod,
  aRunner,
  at,
  deletedAt,
  ended,
  podStatus,
  running,
  stamp,
} from '../../../objects/builders.ts'

const admitted: Admission = { is: 'admitted' }
const next: Admission = { is: 'next', message: 'soon' }
const full: Admission = { is: 'waiting', reason: 'PoolFull', message: 'full' }

interface Scene {
  job?: RunnerJob
  runner?: Runner
  pod?: Pod
  admission?: Admission
  warning?: JobView['warning']
  endedBy?: JobView['endedBy']
  finishedJobTtlMs?: number
  isSurplus?: boolean
  log?: JobView['log']
  messageLost?: boolean
  /** Now, in seconds. */
  now?: number
}

function plan({ job = aJob(), runner, pod, admission = full, now = 20, ...seen }: Scene): JobPlan {
  const settings = { finishedPodTtlMs: 600_000, startTroubleMs: 60_000 }
  return planJob({ job, runner, pod: podState(pod), admission, ...seen, ...settings, now: at(now) })
}

/** The planned phase, reason and message, without times, Runner and pod. */
function outcome({ status }: JobPlan): string | undefined {
  return status === undefined ? undefined : `${status.phase} ${status.reason}: ${status.message}`
}

const runner = aRunner()
const runningPod = aPod({ status: podStatus('Running', aContainer(running)) })
const runningJob = aJob({
  status: {
    phase: 'Running',
    runnerRef: { name: 'job-1', uid: 'job-1-uid' },
    podUID: 'job-1-pod-uid',
    startedAt: stamp(10),
  },
})

function exitedPod(code: number): Pod {
  return aPod({ status: podStatus(code === 0 ? 'Succeeded' : 'Failed', aContainer(ended(code))) })
}

function stuckPod(reason: string, message = ''): Pod {
  return aPod({ status: podStatus('Pending', aContainer({ waiting: { reason, message } })) })
}

describe('a queued job', () => {
  it('gets a Runner when it is admitted', () => {
    expect(plan({ admission: admitted }))
      .to.deep.include({ acts: ['create-runner'] })
      .and.not.have.property('status')
  })

  it('shows its waiting reason, if that lasts', () => {
    const waiting = plan({ admission: full })
    expect(outcome(waiting)).to.equal('Queued PoolFull: full')
    expect(waiting).to.deep.include({ isTransient: true, acts: [] })
  })

  it('shows that an operator serves it if its turn takes long, and only in place of the default status', () => {
    const unserved = plan({ job: aJob({ status: runnerJobStatus.default }), admission: next })
    expect(outcome(unserved)).to.equal('Queued RunnerStarting: soon')
    expect(unserved).to.include({ isTransient: true, patienceMs: 30_000 })
    const planned = plan({ job: aJob({ status: { phase: 'Queued', reason: 'PoolFull' } }), admission: next })
    expect(outcome(planned)).to.equal(undefined)
  })

  it('has nothing of the default status once it runs', () => {
    const job = aJob({ status: runnerJobStatus.default })
    expect(outcome(plan({ job, runner, pod: runningPod }))).to.equal('Running Running: runs in pod job-1')
  })

  it('is cancelled at once, and gets no Runner any more', () => {
    const cancelled = plan({ job: aJob({ spec: { cancel: true } }), admission: admitted })
    expect(outcome(cancelled)).to.equal('Cancelled CancelRequested: cancelled on request')
    expect(cancelled.acts).to.deep.equal([])
  })

  it('fails when it has waited as long as it may, counted from its creation, whatever delegatedAt claims', () => {
    const job = aJob({ spec: { timeoutSeconds: 100, delegatedAt: at(-50).toISOString() } })
    expect(plan({ job, now: 99 }).requeueAfterMs).to.equal(1000)
    expect(outcome(plan({ job, now: 100 }))).to.equal(
      'Failed JobTimeout: the job waited in the queue longer than timeoutSeconds (100 s)',
    )
  })

  it('that a proxy runner reported on gets no Runner', () => {
    const job = aJob({ status: { phase: 'Assigned', reported: { at: stamp(5) } } })
    const { acts, status } = plan({ job, admission: admitted })
    expect({ acts, status }).to.deep.equal({ acts: [], status: undefined })
  })

  it('that is being deleted gets nothing', () => {
    expect(plan({ job: aJob({ metadata: deletedAt(1) }), admission: admitted })).to.deep.equal({ acts: [] })
  })
})

describe('a handed-over job whose message was deleted', () => {
  const lost = 'Failed VolumeUnavailable: the Secrets with its message were deleted, so it cannot start'

  it('ends at once, instead of waiting for a pod that cannot start', () => {
    expect(outcome(plan({ messageLost: true, admission: admitted }))).to.equal(lost)
    expect(outcome(plan({ messageLost: true, runner, pod: aPod() }))).to.equal(lost)
  })

  it('goes on if its pod has it, and ends as its user or its pod says', () => {
    expect(outcome(plan({ messageLost: true, job: runningJob, runner, pod: runningPod }))).to.match(/^Running/)
    expect(outcome(plan({ messageLost: true, runner, pod: exitedPod(0) }))).to.match(/^Completed/)
    expect(outcome(plan({ messageLost: true, job: aJob({ spec: { cancel: true } }) }))).to.match(/^Cancelled/)
  })
})

describe('a job with a Runner', () => {
  it('is assigned, which is written only if it lasts', () => {
    const starting = plan({ runner })
    expect(outcome(starting)).to.equal('Assigned RunnerStarting: pod job-1 is starting')
    expect(starting.status?.runnerRef).to.deep.equal({ name: 'job-1', uid: 'job-1-uid' })
    expect(starting.isTransient).to.equal(true)
  })

  it('has the same message before its pod exists and while that starts: another one would cost a write', () => {
    const made = plan({ runner, pod: aPod({ nodeName: null, status: {} }) })
    expect(outcome(made)).to.equal(outcome(plan({ runner })))
  })

  it('shows that it waits for quota', () => {
    const blocked = aRunner({ status: { reason: 'QuotaExceeded', message: 'exceeded quota: q' } })
    expect(outcome(plan({ runner: blocked }))).to.equal('Assigned QuotaExceeded: exceeded quota: q')
  })

  it('shows that no node takes its pod', () => {
    const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes' }
    const waiting = plan({ runner, pod: aPod({ nodeName: null, status: { conditions: [condition] } }) })
    expect(outcome(waiting)).to.equal('Assigned Unschedulable: 0/3 nodes')
    expect(waiting.isTransient).to.equal(true)
  })

  it('fails when its pod was refused for good', () => {
    const denied = aRunner({ status: { phase: 'Stopping', reason: 'AdmissionDenied', message: 'no' } })
    const invalid = aRunner({ status: { phase: 'Stopping', reason: 'InvalidPod', message: 'bad' } })
    expect(outcome(plan({ runner: denied }))).to.equal('Failed AdmissionDenied: no')
    expect(outcome(plan({ runner: invalid }))).to.equal('Failed InvalidPod: bad')
  })

  it('runs as soon as its container does', () => {
    const now = plan({ runner, pod: runningPod })
    expect(outcome(now)).to.equal('Running Running: runs in pod job-1')
    expect(now.status).to.deep.include({
      podName: 'job-1',
      podUID: 'job-1-pod-uid',
      nodeName: 'node',
      containerId: 'containerd://runner',
      startedAt: at(10).toISOString(),
    })
    expect(now.isTransient).to.equal(undefined)
  })

  it('fails when it waited too long for its pod, counted from its Runner', () => {
    const job = aJob({ spec: { timeoutSeconds: 30, delegatedAt: at(-100).toISOString() } })
    expect(outcome(plan({ job, runner, now: 29 }))).to.match(/^Assigned/)
    expect(outcome(plan({ job, runner, now: 30 }))).to.match(/^Failed JobTimeout: the job waited for its pod longer/)
  })
})

describe('trouble at the start', () => {
  const stuck = stuckPod('ImagePullBackOff')
  const first = plan({ runner, pod: stuck, now: 20 })

  it('with an image is shown at once and tolerated for a while', () => {
    expect(outcome(first)).to.equal('Assigned ImagePull: image image of container runner cannot be pulled')
    expect(first).to.deep.include({ requeueAfterMs: 60_000 }).and.not.have.property('isTransient')
  })

  it('ends the job after that while, counted from when it was first shown', () => {
    const { status } = first
    if (status === undefined) throw new Error('nothing to write')
    expect(outcome(plan({ job: aJob({ status }), runner, pod: stuck, now: 79 }))).to.match(/^Assigned ImagePull/)
    expect(plan({ job: aJob({ status }), runner, pod: stuck, now: 79 }).requeueAfterMs).to.equal(1000)
    expect(outcome(plan({ job: aJob({ status }), runner, pod: stuck, now: 80 }))).to.match(/^Failed ImagePull/)
  })

  const refusals = [
    ['with admission', 'AdmissionDenied', 'no service account'],
    ['with a webhook that is down', 'PodCreateFailed', 'failed calling webhook "w"'],
    ['with a pool that is gone', 'InvalidPod', 'RunnerPool pool is gone'],
  ] as const
  for (const [trouble, reason, message] of refusals) {
    it(`${trouble} is tolerated for a while, and ends the job with its message`, () => {
      const refused = aRunner({ status: { reason, message } })
      const planned = plan({ runner: refused })
      expect(outcome(planned)).to.equal(`Assigned ${reason}: ${message}`)
      expect(planned).to.deep.include({ requeueAfterMs: 60_000 }).and.not.have.property('isTransient')
      const { status } = planned
      if (status === undefined) throw new Error('nothing to write')
      const waited = { job: aJob({ status }), runner: refused }
      expect(outcome(plan({ ...waited, now: 79 }))).to.equal(`Assigned ${reason}: ${message}`)
      expect(outcome(plan({ ...waited, now: 80 }))).to.equal(`Failed ${reason}: ${message}`)
    })
  }

  it('with quota is not trouble, however long it lasts', () => {
    const blocked = aRunner({ status: { reason: 'QuotaExceeded', message: 'exceeded quota: q' } })
    const planned = plan({ runner: blocked })
    expect(planned.isTransient).to.equal(true)
    const { status } = planned
    if (status === undefined) throw new Error('nothing to write')
    expect(outcome(plan({ job: aJob({ status }), runner: blocked, now: 9999 }))).to.match(/^Assigned QuotaExceeded/)
  })

  it('with a quota that the pod can never fit is tolerated for a while, and ends the job', () => {
    const blocked = aRunner({
      status: { reason: 'QuotaExceeded', message: 'can never fit its quota: 2 of cpu against 1' },
    })
    const shown = plan({ runner: blocked })
    expect(shown).to.deep.include({ requeueAfterMs: 60_000 }).and.not.have.property('isTransient')
    const { status } = shown
    if (status === undefined) throw new Error('nothing to write')
    const later = plan({ job: aJob({ status }), runner: blocked, now: 80 })
    expect(outcome(later)).to.equal('Failed QuotaExceeded: can never fit its quota: 2 of cpu against 1')
  })

  const warning = { reason: 'VolumeUnavailable', message: 'secret "x" not found', fatal: false } as const

  it('that only Events report is shown at once, tolerated for a while, and ends the job with their message', () => {
    const settingUp = { runner, pod: stuckPod('ContainerCreating'), warning }
    const shown = plan({ ...settingUp, now: 20 })
    expect(outcome(shown)).to.equal('Assigned VolumeUnavailable: secret "x" not found')
    expect(shown).to.deep.include({ requeueAfterMs: 60_000 }).and.not.have.property('isTransient')
    const { status } = shown
    if (status === undefined) throw new Error('nothing to write')
    const later = plan({ ...settingUp, job: aJob({ status }), now: 80 })
    expect(outcome(later)).to.equal('Failed VolumeUnavailable: secret "x" not found')
  })

  it('in its status takes precedence over its Events', () => {
    expect(outcome(plan({ runner, pod: stuckPod('ImagePullBackOff'), warning }))).to.match(/^Assigned ImagePull/)
    expect(outcome(plan({ runner, pod: runningPod, warning }))).to.match(/^Running/)
  })

  it('has the message of Events about the same, and about what the scheduler waits for', () => {
    const pull = { reason: 'ImagePull', message: 'and a secret is missing', fatal: false } as const
    const shown = plan({ runner, pod: stuckPod('ImagePullBackOff'), warning: pull })
    expect(outcome(shown)).to.equal('Assigned ImagePull: and a secret is missing')
    const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'unbound' }
    for (const status of [{ conditions: [condition] }, {}]) {
      const pod = aPod({ nodeName: null, status })
      expect(outcome(plan({ runner, pod, warning }))).to.equal('Assigned VolumeUnavailable: secret "x" not found')
    }
  })

  it('with an image has one text, though the kubelet alternates between several', () => {
    const shown = (job: RunnerJob | undefined, reason: string, message: string) =>
      plan({ ...(job !== undefined && { job }), runner, pod: stuckPod(reason, message), now: 20 }).status
    const status = shown(undefined, 'ErrImagePull', 'dial tcp 10.0.0.1:40001: refused')
    if (status === undefined) throw new Error('nothing to write')
    const job = aJob({ status })
    expect(shown(job, 'ImagePullBackOff', 'Back-off pulling image "image"')).to.deep.equal(status)
    expect(shown(job, 'ErrImagePull', 'dial tcp 10.0.0.1:40002: refused')).to.deep.equal(status)
    expect(shown(job, 'ErrImagePull', 'not found')?.message).to.include('not found')
  })

  it('with a scheduling gate lasts as long as the job may, and is named when that is over', () => {
    const gated = { type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }
    const pod = aPod({ nodeName: null, status: { conditions: [gated] } })
    const shown = plan({ runner, pod })
    expect(shown.isTransient).to.equal(true)
    const { status } = shown
    if (status === undefined) throw new Error('nothing to write')
    const job = aJob({ status })
    expect(outcome(plan({ job, runner, pod, now: 9999 }))).to.match(/^Assigned SchedulingGated/)
    expect(outcome(plan({ job, runner, pod, now: 99_999 }))).to.match(
      /^Failed JobTimeout: the job waited for its pod longer than .*; SchedulingGated: pod job-1 waits/,
    )
  })

  it('with a silent scheduler is shown after half a minute', () => {
    const pod = aPod({ nodeName: null })
    expect(plan({ runner, pod, now: 20 }).requeueAfterMs).to.equal(10_000)
    expect(outcome(plan({ runner, pod, now: 29 }))).to.match(/^Assigned RunnerStarting/)
    expect(outcome(plan({ runner, pod, now: 30 }))).to.match(
      /^Assigned Unschedulable: no scheduler has looked at pod .* claim/,
    )
    expect(outcome(plan({ runner, pod: aPod(), now: 99 }))).to.match(/^Assigned RunnerStarting/)
  })

  it('of another kind starts a new wait', () => {
    const { status } = first
    if (status === undefined) throw new Error('nothing to write')
    const other = plan({ job: aJob({ status }), runner, pod: stuckPod('CreateContainerConfigError'), now: 80 })
    expect(outcome(other)).to.match(/^Assigned InvalidPod/)
    expect(other.requeueAfterMs).to.equal(60_000)
  })

  it('that passed is forgotten', () => {
    const { status } = first
    if (status === undefined) throw new Error('nothing to write')
    const started = plan({ job: aJob({ status }), runner, pod: runningPod, now: 70 })
    expect(started.status).to.deep.include({ phase: 'Running', conditions: [] })
  })

  it('that waiting cannot fix ends the job at once', () => {
    expect(outcome(plan({ runner, pod: stuckPod('InvalidImageName') }))).to.match(/^Failed ImagePull/)
  })

  it('does not outlast the job’s own limit', () => {
    const job = aJob({ spec: { timeoutSeconds: 25 } })
    expect(plan({ job, runner, pod: stuck, now: 20 }).requeueAfterMs).to.equal(5000)
  })
})

describe('a running job', () => {
  it('is complete at exit code 0, at the time the kubelet gave', () => {
    const done = plan({ job: runningJob, runner, pod: exitedPod(0), now: 25 })
    expect(outcome(done)).to.equal('Completed Succeeded: exit code 0')
    expect(done.status).to.include({ exitCode: 0, completedAt: at(20).toISOString() })
    expect(done.status?.conditions)
      .to.have.length(1)
      .and.deep.include({
        type: 'Complete',
        status: 'True',
        reason: 'Succeeded',
        message: 'exit code 0',
        observedGeneration: 1,
        lastTransitionTime: at(25).toISOString(),
      })
  })

  it('has failed at any other exit code, which is kept', () => {
    const failed = plan({ job: runningJob, runner, pod: exitedPod(7) })
    expect(outcome(failed)).to.equal('Failed ExitCode: exit code 7')
    expect(failed.status?.exitCode).to.equal(7)
  })

  it('has failed for its hook if the kubelet ended it for that, whatever its exit code', () => {
    for (const code of [0, 137]) {
      const failed = plan({ runner, pod: exitedPod(code), endedBy: 'postStart hook' })
      expect(outcome(failed)).to.match(/^Failed HookFailed: the postStart hook of the job's container failed/)
      expect(failed.status?.exitCode).to.equal(code)
    }
  })

  it('has failed for its probe if the kubelet ended it for that, whatever its exit code', () => {
    for (const endedBy of ['startup probe', 'liveness probe'] as const) {
      for (const code of [0, 143]) {
        const failed = plan({ job: aJob(runningJob), runner, pod: exitedPod(code), endedBy })
        const message = `the ${endedBy} of the job's container failed (exit code ${code})`
        expect(outcome(failed)).to.equal(`Failed ProbeFailed: ${message}`)
        expect(failed.status?.exitCode).to.equal(code)
      }
    }
  })

  it('that ended before the request to cancel it was read keeps its result', () => {
    const job = aJob({ ...runningJob, spec: { cancel: true } })
    expect(outcome(plan({ job, runner, pod: exitedPod(0) }))).to.match(/^Completed/)
  })

  it('that ended before its limit was checked keeps its result', () => {
    const job = aJob({ ...runningJob, spec: { timeoutSeconds: 1 } })
    expect(outcome(plan({ job, runner, pod: exitedPod(3), now: 9999 }))).to.match(/^Failed ExitCode/)
  })

  it('is stopped on request, and runs until its pod has ended', () => {
    const job = aJob({ ...runningJob, spec: { cancel: true } })
    const stopping = plan({ job, runner, pod: runningPod })
    expect(outcome(stopping)).to.equal(
      'Running CancelRequested: cancelled on request: pod job-1 has its grace period to end',
    )
    expect(stopping.acts).to.deep.equal(['cancel-pod'])
  })

  it('fails when it runs longer than it may, counted from its start', () => {
    const job = aJob({ ...runningJob, spec: { timeoutSeconds: 30 } })
    expect(plan({ job, runner, pod: runningPod, now: 39 }).requeueAfterMs).to.equal(1000)
    expect(outcome(plan({ job, runner, pod: runningPod, now: 40 }))).to.equal(
      'Failed JobTimeout: the job ran longer than timeoutSeconds (30 s)',
    )
  })

  it('gets its whole time on a node whose clock is wrong', () => {
    const job = aJob({ spec: { timeoutSeconds: 60 } })
    const behind = aPod({ status: podStatus('Running', aContainer({ running: { startedAt: stamp(-90) } })) })
    expect(outcome(plan({ job, runner, pod: behind, now: 5 }))).to.match(/^Running/)
    const ahead = aPod({ status: podStatus('Running', aContainer({ running: { startedAt: stamp(2_592_000) } })) })
    const now = plan({ job, runner, pod: ahead, now: 5 })
    expect(now.status?.startedAt).to.equal(at(5).toISOString())
    expect(now.requeueAfterMs).to.equal(60_000)
  })

  it('times out also while its pod is being deleted', () => {
    const job = aJob({ ...runningJob, spec: { timeoutSeconds: 30 } })
    const pod = aPod({ metadata: deletedAt(35), status: podStatus('Running', aContainer(running)) })
    expect(outcome(plan({ job, runner, pod, now: 40 }))).to.match(/the job ran longer/)
  })

  it('fails when its Runner is gone, or going', () => {
    const going = aRunner({ metadata: deletedAt(15) })
    expect(outcome(plan({ job: runningJob, pod: runningPod }))).to.equal('Failed PodDeleted: its Runner was deleted')
    expect(outcome(plan({ job: runningJob, runner: going, pod: runningPod }))).to.match(/^Failed PodDeleted/)
  })

  it('fails when its pod is gone: it never runs a second time', () => {
    expect(outcome(plan({ job: runningJob, runner }))).to.equal('Failed PodDeleted: its pod is gone')
    const seenByRunner = aRunner({ status: { phase: 'Busy', podUID: 'pod' } })
    expect(outcome(plan({ runner: seenByRunner }))).to.equal('Failed PodDeleted: its pod is gone')
  })

  it('waits for the end of a deleted pod, but not for ever', () => {
    const pod = aPod({ metadata: deletedAt(15, 30), status: podStatus('Running', aContainer(running)) })
    expect(plan({ job: runningJob, runner, pod, now: 74 })).to.deep.equal({ acts: [], requeueAfterMs: 1000 })
    expect(outcome(plan({ job: runningJob, runner, pod, now: 75 }))).to.equal(
      'Failed PodDeleted: the pod was deleted, and no kubelet reported its exit',
    )
  })

  it('is left alone when nothing changes', () => {
    const { status, acts } = plan({ job: runningJob, runner, pod: stuckPod('ContainerCreating') })
    expect({ status, acts }).to.deep.equal({ status: undefined, acts: [] })
  })
})

describe('a job that is reported to run elsewhere', () => {
  const reported = { at: stamp(15) }
  const runnerRef = { name: 'job-1', uid: 'job-1-uid' }
  const status = { phase: 'Running', reason: 'Reported', startedAt: stamp(15), reported, runnerRef } as const
  const job = aJob({ status })
  const assigned = aJob({ status: { phase: 'Assigned', reason: 'QuotaExceeded', reported, runnerRef } })

  it('is not lost with its Runner, which goes when it has no pod', () => {
    for (const taken of [job, assigned]) {
      expect(plan({ job: taken, runner }))
        .to.deep.include({ acts: [] })
        .and.not.have.property('status')
      expect(plan({ job: taken }))
        .to.deep.include({ acts: [] })
        .and.not.have.property('status')
    }
  })

  it('is not lost with a pod that never started, which it releases', () => {
    const seen = aJob({ status: { ...status, podUID: 'job-1-pod-uid' } })
    const waiting = podStatus('Pending', aContainer({ waiting: { reason: 'ImagePullBackOff' } }))
    expect(plan({ job: seen, runner, pod: aPod({ status: waiting }) }).acts).to.deep.equal([])
    const going = plan({ job: seen, pod: aPod({ metadata: deletedAt(18), status: waiting }) })
    expect(going)
      .to.deep.include({ acts: ['release-pod'] })
      .and.not.have.property('status')
    expect(plan({ job: seen })).to.not.have.property('status')
  })

  it('follows its pod as soon as that has started', () => {
    expect(outcome(plan({ job, runner, pod: runningPod }))).to.equal('Running Running: runs in pod job-1')
    expect(outcome(plan({ job, runner, pod: exitedPod(3) }))).to.equal('Failed ExitCode: exit code 3')
  })

  it('is lost with a pod that has run', () => {
    const busy = aRunner({ status: { phase: 'Busy', podUID: 'job-1-pod-uid' } })
    expect(outcome(plan({ job, runner: busy }))).to.equal('Failed PodDeleted: its pod is gone')
  })

  it('can be cancelled, and has its limit', () => {
    expect(outcome(plan({ job: aJob({ ...job, spec: { cancel: true } }) }))).to.match(/^Cancelled/)
    const short = aJob({ ...job, spec: { timeoutSeconds: 5 } })
    expect(outcome(plan({ job: short, now: 20 }))).to.match(/^Failed JobTimeout: the job ran longer/)
  })
})

describe('a job that is being deleted', () => {
  it('releases its pod and does nothing else', () => {
    const job = aJob({ ...runningJob, metadata: deletedAt(15) })
    expect(plan({ job, runner, pod: exitedPod(0) })).to.deep.equal({ acts: ['release-pod'] })
    const released = aPod({ metadata: { finalizers: [] }, status: podStatus('Running', aContainer(running)) })
    expect(plan({ job, runner, pod: released })).to.deep.equal({ acts: [] })
  })
})

describe('a finished job', () => {
  const finished = aJob({
    spec: { ttlSecondsAfterFinished: 3600 },
    status: { phase: 'Completed', completedAt: stamp(20), podUID: 'job-1-pod-uid' },
  })

  function acts(scene: Scene): JobPlan['acts'] {
    return plan({ job: finished, runner, ...scene }).acts
  }

  it('never gets a new status', () => {
    for (const pod of [undefined, runningPod, exitedPod(1)]) {
      expect(plan({ job: finished, ...(pod !== undefined && { pod }), admission: admitted })).to.not.have.property(
        'status',
      )
    }
  })

  it('never gets a Runner', () => {
    expect(plan({ job: finished, admission: admitted }).acts).to.deep.equal([])
  })

  it('releases its pod, and keeps it for its log', () => {
    expect(acts({ pod: exitedPod(0) })).to.deep.equal(['release-pod'])
  })

  it('does not delete its pod in the second until the kubelet sets its final phase', () => {
    expect(acts({ pod: aPod({ status: podStatus('Running', aContainer(ended(0))) }) })).to.deep.equal(['release-pod'])
  })

  it('stops a pod that still runs, and releases it', () => {
    expect(acts({ pod: runningPod })).to.deep.equal(['stop-pod', 'release-pod'])
    const stopping = aPod({ metadata: deletedAt(15), status: podStatus('Running', aContainer(running)) })
    expect(acts({ pod: stopping })).to.deep.equal(['release-pod'])
  })

  it('sets a deadline once on a pod whose sidecar keeps running, but not if the kubelet stops the sidecar', () => {
    const containers = [aContainer(ended(0)), aContainer(running, 'sidecar')]
    const pod = aPod({ status: podStatus('Running', ...containers) })
    expect(acts({ pod })).to.deep.equal(['expire-pod'])
    const released = { ...pod, metadata: { ...pod.metadata, finalizers: [] } }
    expect(acts({ pod: released })).to.deep.equal(['expire-pod'])
    expect(acts({ pod: { ...released, spec: { ...pod.spec, activeDeadlineSeconds: 3600 } } })).to.deep.equal([
      'expire-pod',
    ])
    expect(acts({ pod: { ...released, spec: { ...pod.spec, activeDeadlineSeconds: 1 } } })).to.deep.equal([])
    expect(acts({ pod: { ...pod, spec: { ...pod.spec, activeDeadlineSeconds: 1 } } })).to.deep.equal(['release-pod'])
    const deleted = { ...pod, metadata: { ...pod.metadata, ...deletedAt(20) } }
    expect(acts({ pod: deleted })).to.deep.equal(['release-pod'])
    const status = {
      ...podStatus('Running', aContainer(ended(0))),
      initContainerStatuses: [aContainer(running, 'docker')],
    }
    expect(acts({ pod: aPod({ status }) })).to.deep.equal(['release-pod'])
  })

  it('keeps its Runner for finishedPodTTLSeconds', () => {
    expect(plan({ job: finished, runner, now: 619 })).to.deep.equal({ acts: [], requeueAfterMs: 1000 })
    expect(plan({ job: finished, runner, now: 620 })).to.deep.equal({
      acts: ['delete-runner'],
      requeueAfterMs: 3_000_000,
    })
  })

  it('is requeued for the earlier of the two', () => {
    const short = aJob({ ...finished, spec: { ttlSecondsAfterFinished: 100 } })
    expect(plan({ job: short, runner, now: 30 })).to.deep.equal({ acts: [], requeueAfterMs: 90_000 })
  })

  it('deletes its Runner once', () => {
    expect(acts({ runner: aRunner({ metadata: deletedAt(620) }), now: 621 })).to.deep.equal([])
  })

  it('is deleted after ttlSecondsAfterFinished, whatever it still has', () => {
    expect(plan({ job: finished, now: 3619 })).to.deep.equal({ acts: [], requeueAfterMs: 1000 })
    expect(plan({ job: finished, now: 3620 })).to.deep.equal({ acts: ['delete-job'] })
    expect(acts({ pod: runningPod, now: 3620 })).to.deep.equal(['stop-pod', 'release-pod', 'delete-job'])
  })

  it('is deleted after the TTL of its pool, if that is shorter than its own', () => {
    expect(plan({ job: finished, finishedJobTtlMs: 60_000, now: 79 })).to.deep.equal({ acts: [], requeueAfterMs: 1000 })
    expect(acts({ finishedJobTtlMs: 60_000, now: 80 })).to.deep.equal(['delete-job'])
    expect(acts({ finishedJobTtlMs: 9_000_000, now: 3620 })).to.deep.equal(['delete-job'])
  })

  it('is deleted at once if its pool keeps newer ones', () => {
    expect(acts({ isSurplus: true, now: 21 })).to.deep.equal(['delete-job'])
  })

  it('is kept for a minute then if a proxy runner has handed it over, which may still have to read its end', () => {
    const handedOver = { ...finished, spec: { ...finished.spec, message: { id: 'a', parts: 1 } } }
    const surplus = { job: handedOver, isSurplus: true }
    expect(plan({ ...surplus, now: 79 })).to.deep.equal({ acts: [], requeueAfterMs: 1000 })
    expect(acts({ ...surplus, now: 80 })).to.deep.equal(['delete-job'])
    const isShort = { ...surplus, finishedJobTtlMs: 5000, now: 25 }
    expect(acts(isShort), 'a TTL holds').to.deep.equal(['delete-job'])
  })
})

describe('the log of a job', () => {
  const pending = { is: 'pending', isLate: false } as const
  const late = { is: 'pending', isLate: true } as const
  const captured = { is: 'captured', message: 'the archive has the log' } as const
  const unavailable = { is: 'unavailable', message: 'the node did not return it' } as const
  const job = runningJob
  const finished = aJob({ status: { ...runningJob.status, phase: 'Completed', completedAt: stamp(20) } })
  const conditionOf = ({ status }: JobPlan) => status?.conditions?.find(({ type }) => type === 'LogCaptured')

  it('is waited for a moment with the end of the job, so that one write shows both', () => {
    expect(plan({ job, runner, pod: exitedPod(0), log: pending })).to.include({ isTransient: true, patienceMs: 1000 })
    const done = plan({ job, runner, pod: exitedPod(0), log: captured })
    expect(done).to.not.have.property('isTransient')
    expect(conditionOf(done)).to.include({ status: 'True', reason: 'Archived', message: 'the archive has the log' })
  })

  it('is not waited for if it is late', () => {
    const done = plan({ job, runner, pod: exitedPod(0), log: late })
    expect(outcome(done)).to.equal('Completed Succeeded: exit code 0')
    expect(done).to.not.have.property('isTransient')
    expect(conditionOf(done)).to.equal(undefined)
  })

  it('is not waited for while the job goes on', () => {
    expect(plan({ job: aJob(), runner, pod: runningPod, log: pending })).to.not.have.property('isTransient')
  })

  it('holds the pod of a finished job, which is stopped all the same', () => {
    const sidecar = aPod({ status: podStatus('Running', aContainer(ended(0)), aContainer(running, 'sidecar')) })
    const acts = (pod: Pod, log: Scene['log']) => plan({ job: finished, runner, pod, ...(log && { log }) }).acts
    expect(acts(exitedPod(0), pending)).to.deep.equal([])
    expect(acts(exitedPod(0), late)).to.deep.equal([])
    expect(acts(exitedPod(0), captured)).to.deep.equal(['release-pod'])
    expect(acts(exitedPod(0), unavailable)).to.deep.equal(['release-pod'])
    expect(acts(runningPod, pending)).to.deep.equal(['stop-pod'])
    expect(acts(sidecar, pending)).to.deep.equal(['cancel-pod'])
    expect(acts(sidecar, captured)).to.deep.equal(['expire-pod'])
  })

  it('is waited for before the job is deleted at the end of its time', () => {
    const due = { job: finished, runner, pod: exitedPod(0), now: 90_000 }
    expect(plan({ ...due, log: pending })).to.deep.equal({ acts: [], requeueAfterMs: 1000 })
    expect(plan({ ...due, log: captured }).acts).to.deep.equal(['release-pod', 'delete-job'])
  })

  it('does not hold the pod of a deleted job', () => {
    const deleted = aJob({ metadata: deletedAt(15), status: finished.status })
    expect(plan({ job: deleted, runner, pod: exitedPod(0), log: pending }).acts).to.deep.equal(['release-pod'])
  })

  it('is added to the status of a finished job once', () => {
    const first = plan({ job: finished, runner, pod: exitedPod(0), log: unavailable })
    expect(conditionOf(first)).to.include({ status: 'False', reason: 'LogsUnavailable' })
    const { status } = first
    if (status === undefined) throw new Error('no status')
    expect(plan({ job: { ...finished, status }, runner, pod: exitedPod(0), log: unavailable })).to.not.have.property(
      'status',
    )
    expect(plan({ job: { ...finished, status }, runner, log: { is: 'none' } })).to.not.have.property('status')
  })
})
