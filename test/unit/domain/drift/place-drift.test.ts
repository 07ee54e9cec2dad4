import { expect } from 'chai'
import { MANAGED_BY, MANAGED_BY_LABEL, MODE_LABEL, OUTCOME_FINALIZER, RUNNER_LABEL } from '../../../../src/api/names.ts'
import { controllerRef, type ObjectMeta } from '../../../../src/api/object.ts'
import type { Pod, PodStatus } from '../../../../src/api/pod.ts'
import { type RunnerJob, runnerJobs, type RunnerJobStatus } from '../../../../src/api/runner-job.ts'
import { type Runner, runners } from '../../../../src/api/runner.ts'
import { driftsAt, type Place, strayPod } from '../../../../src/domain/drift/place-drift.ts'
import { podState } from '../../../../src/domain/pod/state.ts'
import { aContainer, aJob, aPod, aRunner, deletedAt, ended, podStatus, running } from '../../../objects/builders.ts'

const refs = { runnerRef: { name: 'job-1', uid: 'job-1-uid' }, podUID: 'job-1-pod-uid' }
const runs: Partial<RunnerJobStatus> = { phase: 'Running', ...refs }
const over: Partial<RunnerJobStatus> = { phase: 'Completed', ...refs }
const runningPod: PodStatus = podStatus('Running', aContainer(running))
const endedPod: PodStatus = podStatus('Succeeded', aContainer(ended(0)))
const attempts = [{ number: 1, poolName: 'pool', reason: 'r', message: 'm', endedAt: '2026-01-01T00:00:10Z' }]

/** The Runner as the operator makes it. */
function ownRunner(job: RunnerJob, metadata: Partial<ObjectMeta> = {}): Runner {
  const { labels } = aRunner({ job }).metadata
  const ours = {
    labels: { ...labels, [MANAGED_BY_LABEL]: MANAGED_BY },
    ownerReferences: [controllerRef(runnerJobs, job)],
  }
  return aRunner({ job, metadata: { ...ours, ...metadata } })
}

type Given = Partial<Place> & { runnerMeta?: Partial<ObjectMeta>; podMeta?: Partial<ObjectMeta>; podIs?: PodStatus }

/** A job that runs in its pod, without any drift, unless given otherwise. */
function place({ runnerMeta, podMeta, podIs, ...given }: Given = {}): Place {
  const job = 'job' in given ? given.job : aJob({ status: runs })
  const runner = 'runner' in given ? given.runner : ownRunner(job ?? aJob(), runnerMeta)
  const made = ownRunner(job ?? aJob())
  const pod = 'pod' in given ? given.pod : aPod({ runner: made, status: podIs ?? runningPod, metadata: podMeta ?? {} })
  return {
    key: 'ns/job-1',
    job,
    runner,
    jobOfRunner: job,
    pod,
    state: podState(pod),
    isPodOfJob: pod !== undefined && job !== undefined,
    log: undefined,
    ...given,
  }
}

/** The drifts in words: kind, remedy and message. */
function drifts(given: Given): string[] {
  return driftsAt(place(given)).map(({ kind, remedy, message }) => `${kind}: ${message} (${remedy})`)
}

const finished = aJob({ status: over })
const held = { finalizers: [OUTCOME_FINALIZER] }
const free = { finalizers: [] }
const deleting = deletedAt(20)
const stranger = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'web-uid', controller: true }
const otherRunner = controllerRef(runners, aRunner({ job: aJob({ metadata: { name: 'other' } }) }))

describe('a job, its Runner and its pod', () => {
  const fitting: [string, Given][] = [
    ['while it runs', {}],
    ['while it has no Runner yet', { job: aJob(), runner: undefined, pod: undefined, isPodOfJob: false }],
    ['while its Runner has no pod yet', { job: aJob(), pod: undefined, isPodOfJob: false }],
    ['while its pod is being set up', { job: aJob(), podIs: { phase: 'Pending' } }],
    ['once it is over, and its pod has ended and is released', { job: finished, podIs: endedPod, podMeta: free }],
    [
      'while the log of the ended pod is stored',
      { job: finished, podIs: endedPod, podMeta: held, log: { is: 'pending', isLate: false } },
    ],
    ['while a released pod is being deleted', { job: undefined, runner: undefined, podMeta: { ...deleting, ...free } }],
    [
      'while a deleted pod has its grace period',
      { podMeta: { ...deleting, ...held, labels: {}, ownerReferences: [] } },
    ],
    ['while its Runner is being deleted', { job: finished, runnerMeta: deleting, podIs: endedPod, podMeta: free }],
    [
      'while it waits for another attempt',
      { job: aJob({ status: { attempts, nextAttemptAt: 'soon' } }), runner: undefined, pod: undefined },
    ],
    [
      'while a proxy runner runs it',
      {
        job: aJob({ status: { phase: 'Running', reported: { at: '2026-01-01T00:00:01Z' } } }),
        runner: undefined,
        pod: undefined,
      },
    ],
    ['where the pod has other labels too', { podMeta: { labels: { ...aPod().metadata.labels, more: 'x' } } }],
    [
      'where another owner is listed besides',
      { podMeta: { ownerReferences: [controllerRef(runners, aRunner()), { ...stranger, controller: false }] } },
    ],
  ]
  for (const [when, given] of fitting) {
    it(`fit each other ${when}`, () => expect(drifts(given)).to.deep.equal([]))
  }

  const drifted: [string, Given, string[]][] = [
    [
      'the job of a Runner is gone',
      { job: undefined, jobOfRunner: undefined, pod: undefined },
      ['runner: its job is gone (reconcile-runner)'],
    ],
    [
      'the attempt of a Runner is over',
      { job: aJob({ status: { attempts } }), pod: undefined },
      ['runner: its attempt is over (reconcile-runner)'],
    ],
    ['a Runner has lost its owner', { runnerMeta: { ownerReferences: [] } }, ['runner: it lacks its owner (restore)']],
    [
      'a Runner has another owner',
      { runnerMeta: { ownerReferences: [stranger] } },
      ['runner: it lacks its owner (restore)'],
    ],
    ['a Runner has lost its labels', { runnerMeta: { labels: {} } }, ['runner: it lacks labels (restore)']],
    [
      'the job of a pod is gone',
      { job: undefined, runner: undefined, jobOfRunner: undefined },
      ['pod: its job is gone (reconcile-pod)'],
    ],
    [
      'a deleted pod without a job is held',
      { job: undefined, runner: undefined, jobOfRunner: undefined, podMeta: { ...deleting, ...held } },
      ['pod: its job is gone (reconcile-pod)'],
    ],
    [
      'the attempt of a pod is over',
      { job: aJob({ status: { attempts } }), runner: undefined },
      ['pod: its attempt is over (reconcile-pod)'],
    ],
    ['the pod of a finished job still runs', { job: finished }, ['pod: its job is over (reconcile-job)']],
    [
      'the ended pod of a finished job is held',
      { job: finished, podIs: endedPod },
      ['pod: its job is over (reconcile-job)'],
    ],
    ['a running pod has lost its finalizer', { podMeta: free }, ['pod: it lacks its finalizer (restore)']],
    ['a running pod has lost its owner', { podMeta: { ownerReferences: [] } }, ['pod: it lacks its owner (restore)']],
    [
      'a running pod belongs to another Runner',
      { podMeta: { ownerReferences: [otherRunner] } },
      ['pod: it lacks its owner (restore)'],
    ],
    [
      'another controller has taken a pod',
      { podMeta: { ownerReferences: [stranger] } },
      ['pod: ReplicaSet web controls it (none)'],
    ],
    [
      'a running pod has lost a label',
      { podMeta: { labels: { [RUNNER_LABEL]: 'job-1' } } },
      ['pod: it lacks labels (restore)'],
    ],
    [
      'a running pod has lost everything',
      { podMeta: { ...free, labels: {}, ownerReferences: [] } },
      ['pod: it lacks its finalizer and its owner and labels (restore)'],
    ],
    [
      'the released pod of a finished job has lost its owner',
      { job: finished, podIs: endedPod, podMeta: { ...free, ownerReferences: [] } },
      ['pod: it lacks its owner (restore)'],
    ],
    ['the Runner of a running job is gone', { runner: undefined }, ['job: its Runner is gone (reconcile-job)']],
    [
      'the Runner of a job was replaced',
      { jobOfRunner: undefined, isPodOfJob: true },
      ['runner: its job is gone (reconcile-runner)', 'job: its Runner is gone (reconcile-job)'],
    ],
    ['the pod of a running job is gone', { pod: undefined }, ['job: its pod is gone (reconcile-job)']],
    ['the pod has ended, and its job has not', { podIs: endedPod }, ['job: its pod has ended (reconcile-job)']],
  ]
  for (const [what, given, expected] of drifted) {
    it(`have drifted when ${what}`, () => expect(drifts(given)).to.deep.equal(expected))
  }

  it('have drifted when the pod of a handed-over job has lost the label of its mode', () => {
    const job = aJob({ status: runs, spec: { message: { id: 'mine', parts: 1 } } })
    const labels = { ...aPod().metadata.labels }
    expect(drifts({ job, podMeta: { labels } })).to.deep.equal(['pod: it lacks labels (restore)'])
    expect(drifts({ job, podMeta: { labels: { ...labels, [MODE_LABEL]: 'Worker' } } })).to.deep.equal([])
  })

  it('name the object that has drifted', () => {
    const [runner] = driftsAt(place({ runnerMeta: { labels: {} } }))
    const [pod] = driftsAt(place({ podMeta: free }))
    const [job] = driftsAt(place({ pod: undefined }))
    const names = [runner, pod, job].map((drift) => `${drift?.key} ${drift?.uid}`)
    expect(names).to.deep.equal(['ns/job-1 job-1-uid', 'ns/job-1 job-1-pod-uid', 'ns/job job-uid'])
  })
})

describe('a pod that no cache has', () => {
  const stray = (given: Given): string | undefined => strayPod(place({ pod: undefined, ...given }))

  it('may be there without its marks as long as the Runner of its finished job stays', () => {
    expect(stray({ job: finished })).to.equal('job-1-pod-uid')
  })

  const others: [string, Given][] = [
    ['is seen', { job: finished, pod: aPod() satisfies Pod }],
    ['is missed by its running job', {}],
    ['never was', { job: aJob({ status: { phase: 'Cancelled' } }) }],
    ['goes with its Runner', { job: finished, runnerMeta: deleting }],
  ]
  for (const [what, given] of others) {
    it(`is not looked for if it ${what}`, () => expect(stray(given)).to.equal(undefined))
  }
})
