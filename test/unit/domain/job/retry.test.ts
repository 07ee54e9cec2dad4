import { expect } from 'chai'
import type { Pod, PodStatus } from '../../../../src/api/pod.ts'
import type { RetryCause } from '../../../../src/api/retry.ts'
import type { RunnerJob, RunnerJobStatus } from '../../../../src/api/runner-job.ts'
import { outcomeOf } from '../../../../src/domain/job/endings.ts'
import { type JobPlan, planJob } from '../../../../src/domain/job/plan.ts'
import { causeOf } from '../../../../src/domain/job/retry.ts'
import { backoffMs, retryRulesOf, type RetryView, spentSince } from '../../../../src/domain/job/retry-rules.ts'
import type { JobView } from '../../../../src/domain/job/view.ts'
import { podState } from '../../../../src/domain/pod/state.ts'
import {
  aContainer,
  aJob,
  aPod,
  aPool,
  aRunner,
  at,
  deletedAt,
  ended,
  podStatus,
  running,
  stamp,
} from '../../../objects/builders.ts'

const target = (reason: string) => ({
  conditions: [{ type: 'DisruptionTarget', status: 'True', reason, message: reason }],
})
/** What a kubelet reports of a container that it had to end before it started. */
const unstarted = aContainer({
  terminated: { exitCode: 137, reason: 'ContainerStatusUnknown', startedAt: null, finishedAt: null },
})
const killed = aContainer(ended(137))
const failed = (status: PodStatus, ...containers: PodStatus['containerStatuses'] & object): Pod =>
  aPod({ status: { ...podStatus('Failed', ...containers), ...status } })
const rejected = (reason: string): Pod => aPod({ status: { phase: 'Failed', reason, message: reason } })
const gone = { metadata: deletedAt(15) }
const usedToRun = { ...unstarted, lastState: { terminated: { exitCode: 137, reason: 'ContainerStatusUnknown' } } }

const causes: [what: string, pod: Pod, cause: string | undefined, reason: string][] = [
  ['turned away by the kubelet for resources', rejected('OutOfcpu'), 'NeverStarted', 'Unschedulable'],
  ['turned away for the labels of the node', rejected('NodeAffinity'), 'NeverStarted', 'Unschedulable'],
  ['turned away by a node that shuts down', rejected('NodeShutdown'), 'NeverStarted', 'NodeLost'],
  ['deleted before a node had it', aPod({ ...gone, nodeName: null }), 'NeverStarted', 'PodDeleted'],
  [
    'preempted before a node had it',
    aPod({ ...gone, nodeName: null, status: target('PreemptionByScheduler') }),
    'NeverStarted',
    'Preempted',
  ],
  ['deleted before its container ran', { ...failed({}, unstarted), ...meta() }, 'NeverStarted', 'PodDeleted'],
  ['evicted before its container ran', failed(target('EvictionByEvictionAPI'), unstarted), 'NeverStarted', 'Evicted'],
  ['evicted by the kubelet before it ran', failed({ reason: 'Evicted' }, unstarted), 'NeverStarted', 'Evicted'],
  ['ended by a taint before it ran', failed(target('DeletionByTaintManager'), unstarted), 'NeverStarted', 'NodeLost'],
  ['evicted by the API', failed(target('EvictionByEvictionAPI'), killed), 'Evicted', 'Evicted'],
  ['evicted by the kubelet', failed({ reason: 'Evicted' }, killed), 'Evicted', 'Evicted'],
  ['evicted by a kubelet that keeps no container status', rejected('Evicted'), 'Evicted', 'Evicted'],
  ['preempted', failed(target('PreemptionByScheduler'), killed), 'Preempted', 'Preempted'],
  [
    'collected with its node, which may have run it',
    failed(target('DeletionByPodGC'), unstarted),
    'NodeLost',
    'NodeLost',
  ],
  ['on a node that says nothing any more', failed({ reason: 'NodeLost' }, unstarted), 'NodeLost', 'NodeLost'],
  [
    'on a node that lost its container',
    failed({}, aContainer(ended(255, { reason: 'Unknown' }))),
    'NodeLost',
    'NodeLost',
  ],
  [
    'whose container used to run and was not found',
    { ...failed({}, usedToRun), ...meta() },
    'PodDeleted',
    'PodDeleted',
  ],
  ['deleted by hand while it ran', { ...failed({}, killed), ...meta() }, 'PodDeleted', 'PodDeleted'],
  ['out of memory', failed({}, aContainer(ended(137, { reason: 'OOMKilled' }))), 'OOMKilled', 'OOMKilled'],
  ['with an exit code', failed({}, aContainer(ended(3))), 'ExitCode', 'ExitCode'],
  [
    'with a command that cannot start',
    failed({}, aContainer(ended(128, { reason: 'StartError' }))),
    undefined,
    'InvalidPod',
  ],
  ['that the kubelet finds invalid', rejected('SysctlForbidden'), undefined, 'InvalidPod'],
  ['past the limit of its template', failed({ reason: 'DeadlineExceeded' }, killed), undefined, 'JobTimeout'],
]

function meta() {
  return { metadata: aPod(gone).metadata }
}

const startedJob = aJob({
  status: {
    phase: 'Running',
    runnerRef: { name: 'job-1', uid: 'job-1-uid' },
    podUID: 'job-1-pod-uid',
    assignedAt: stamp(9),
    startedAt: stamp(10),
  },
})
const evictedPod = failed(target('EvictionByEvictionAPI'), killed)
const rejectedPod = rejected('OutOfcpu')

interface Scene extends Partial<Omit<JobView, 'pod' | 'job' | 'retry'>> {
  job?: RunnerJob
  pod?: Pod
  on?: RetryCause[]
  retry?: Partial<RetryView>
  max?: number
  seconds?: number
}

function viewOf({ job = aJob(), pod, on = [], max = 3, retry, seconds = 20, ...given }: Scene): JobView {
  const rules = retryRulesOf(aPool({ spec: { retry: { maxAttempts: max, reasons: on, backoffSeconds: 10 } } }))
  return {
    job,
    runner: aRunner({ job }),
    pod: podState(pod),
    admission: { is: 'waiting', reason: 'PoolFull', message: 'full' },
    retry: { rules, random: 0, spent: () => ({ ofRepository: 0, ofPool: 0 }), hasMessage: true, ...retry },
    finishedPodTtlMs: 600_000,
    startTroubleMs: 60_000,
    now: at(seconds),
    ...given,
  }
}

const plan = (scene: Scene): JobPlan => planJob(viewOf(scene))
const saidBy = ({ status }: JobPlan): string => `${status?.phase} ${status?.reason}: ${status?.message}`

describe('the cause of a lost attempt', () => {
  for (const [what, pod, cause, reason] of causes) {
    it(`of a pod ${what} is ${cause ?? 'none'}`, () => {
      const view = viewOf({ pod })
      const end = outcomeOf(view)
      expect(end?.reason).to.equal(reason)
      expect(end === undefined ? undefined : causeOf(view, end)).to.equal(cause)
    })
  }

  it('of a silent node is never that nothing has started', () => {
    const view = viewOf({ pod: aPod({ ...gone, status: target('DeletionByTaintManager') }), now: at(200) })
    const end = outcomeOf(view)
    expect(end === undefined ? undefined : causeOf(view, end)).to.equal('NodeLost')
  })

  it('is never that nothing has started if the job or its Runner was seen to run', () => {
    const pod = failed(target('EvictionByEvictionAPI'), unstarted)
    const busy = aRunner({ status: { phase: 'Busy' } })
    for (const view of [viewOf({ pod, job: startedJob }), viewOf({ pod, runner: busy })]) {
      const end = outcomeOf(view)
      expect(end === undefined ? undefined : causeOf(view, end)).to.equal('Evicted')
    }
  })

  it('of a pod that runs or waits is none yet', () => {
    for (const pod of [aPod(), aPod({ status: podStatus('Running', aContainer(running)) })])
      expect(podState(pod)).to.have.property('facts').that.does.not.have.property('neverRan')
  })
})

describe('a job whose attempt never started', () => {
  it('goes back into the queue, with a record of the attempt and nothing else of it', () => {
    const assigned = aJob({ status: { phase: 'Assigned', reason: 'RunnerStarting', assignedAt: stamp(0) } })
    const { status, acts } = plan({ job: assigned, pod: rejectedPod })
    const message = 'Unschedulable: OutOfcpu; attempt 2 of 3 follows'
    expect(acts).to.deep.equal([])
    expect(status).to.deep.equal({
      phase: 'Queued',
      reason: 'Retrying',
      message,
      attempts: [
        {
          number: 1,
          poolName: 'pool',
          runnerName: 'job-1',
          podName: 'job-1',
          podUID: 'job-1-pod-uid',
          nodeName: 'node',
          reason: 'Unschedulable',
          message: 'OutOfcpu',
          assignedAt: stamp(0),
          endedAt: at(20).toISOString(),
        },
      ],
      nextAttemptAt: at(30).toISOString(),
      conditions: [
        {
          type: 'Waiting',
          status: 'True',
          reason: 'Retrying',
          message,
          observedGeneration: 1,
          lastTransitionTime: at(20).toISOString(),
        },
      ],
      observedGeneration: 1,
    } satisfies RunnerJobStatus)
  })

  it('keeps its turn, so that its repository gets no second one before others', () => {
    const turn = { priority: 2, start: 5 }
    const assigned = aJob({ status: { phase: 'Assigned', assignedAt: stamp(0), turn } })
    expect(plan({ job: assigned, pod: rejectedPod }).status?.turn).to.deep.equal(turn)
    const runner = aRunner({ spec: { turn } })
    expect(plan({ runner, pod: rejectedPod }).status?.turn).to.deep.equal(turn)
  })

  it('is of the pool of its last attempt if it ends before the next one', () => {
    const job = aJob({ spec: { cancel: true }, status: { attempts: [attempt(1)], nextAttemptAt: stamp(60) } })
    const { status } = plan({ job, runner: undefined })
    expect(status).to.include({ phase: 'Cancelled', poolName: attempt(1).poolName })
  })

  it('is tried again if only its Runner was deleted, once its pod has proved that it never started', () => {
    const pending = aPod({ status: podStatus('Pending', aContainer({ waiting: {} })) })
    for (const runner of [undefined, aRunner({ metadata: deletedAt(15) })]) {
      const first = plan({ runner, pod: pending })
      expect(first).to.deep.equal({ acts: ['stop-pod'], needsRunnerGone: true })
      const stopped = { ...failed({}, unstarted), ...meta() }
      expect(plan({ runner, pod: stopped }).status).to.include({ phase: 'Queued', reason: 'Retrying' })
    }
  })

  it('ends as its Runner was deleted if its pod runs, or it has to stop', () => {
    const pod = aPod({ status: podStatus('Running', aContainer(running)) })
    expect(saidBy(plan({ runner: undefined, pod }))).to.equal('Failed PodDeleted: its Runner was deleted')
    const cancelled = aJob({ spec: { cancel: true } })
    const pending = aPod({ nodeName: null })
    expect(saidBy(plan({ job: cancelled, runner: undefined, pod: pending }))).to.match(/^Failed PodDeleted/)
  })

  it('keeps what its attempts requested, and adds the last one', () => {
    const requested = { cpuMillicoreSeconds: 500, memoryMebibyteSeconds: 5 }
    const again = aJob({ status: { phase: 'Assigned', requested } })
    const scheduled = { type: 'PodScheduled', status: 'True', lastTransitionTime: stamp(16) }
    const spec = { nodeName: 'node', containers: [{ resources: { requests: { cpu: '100m', memory: '1Mi' } } }] }
    const pod = { ...rejectedPod, spec, status: { ...rejectedPod.status, conditions: [scheduled] } }
    expect(plan({ job: again, pod, seconds: 20 }).status).to.deep.include({
      phase: 'Queued',
      requested: { cpuMillicoreSeconds: 900, memoryMebibyteSeconds: 9 },
    })
  })

  it('fails with its reason after as many attempts as the pool allows', () => {
    const job = aJob({ status: { attempts: [attempt(1), attempt(2)] } })
    expect(saidBy(plan({ job, pod: podAt(job, 'OutOfcpu') }))).to.equal(
      'Failed Unschedulable: OutOfcpu (attempt 3 of 3)',
    )
    expect(saidBy(plan({ pod: rejectedPod, max: 1 }))).to.equal('Failed Unschedulable: OutOfcpu')
  })

  const never: [what: string, Scene][] = [
    ['that is cancelled', { job: aJob({ spec: { cancel: true } }) }],
    ['whose proxy runner is lost', { proxyLostAt: at(1) }],
    ['that a proxy runner has reported on', { job: aJob({ status: { podUID: 'u', reported: { at: stamp(1) } } }) }],
    [
      'whose message is gone',
      { job: aJob({ spec: { message: { id: 'a', parts: 1 } } }), retry: { hasMessage: false } },
    ],
  ]
  for (const [what, scene] of never) {
    it(`gets no further attempt if it is one ${what}`, () => {
      expect(plan({ pod: rejectedPod, ...scene }).status?.phase).to.be.oneOf(['Failed', 'Cancelled'])
    })
  }

  it('is tried again with its message as long as that is there', () => {
    const job = aJob({ spec: { message: { id: 'a', parts: 1 } } })
    expect(plan({ job, pod: rejectedPod }).status?.reason).to.equal('Retrying')
  })
})

describe('a job whose attempt had started', () => {
  it('fails, unless its pool tries this cause again', () => {
    expect(saidBy(plan({ job: startedJob, pod: evictedPod }))).to.match(/^Failed Evicted/)
    expect(saidBy(plan({ job: startedJob, pod: evictedPod, on: ['NodeLost'] }))).to.match(/^Failed Evicted/)
    const { status } = plan({ job: startedJob, pod: evictedPod, on: ['Evicted'] })
    expect(status).to.deep.include({ phase: 'Queued', reason: 'Retrying' })
    expect(status?.attempts?.[0]).to.deep.include({
      reason: 'Evicted',
      exitCode: 137,
      startedAt: stamp(10),
      endedAt: at(20).toISOString(),
    })
    expect(status).to.not.have.any.keys('startedAt', 'assignedAt', 'exitCode', 'podUID', 'podName', 'runnerRef')
  })

  it('never runs again if it came with its message', () => {
    const job = aJob({ spec: { message: { id: 'a', parts: 1 } }, status: startedJob.status })
    expect(saidBy(plan({ job, pod: evictedPod, on: ['Evicted'] }))).to.match(/^Failed Evicted/)
  })

  it('may be tried again if its pod is gone, and never if no pod of it was seen', () => {
    expect(plan({ job: startedJob, on: ['PodDeleted'] }).status?.reason).to.equal('Retrying')
    const unseen = aJob({ status: { phase: 'Assigned', runnerRef: { name: 'job-1', uid: 'u' } } })
    expect(saidBy(plan({ job: unseen, runner: undefined, on: ['PodDeleted'] }))).to.match(/^Failed PodDeleted/)
  })
})

describe('the budget of a pool', () => {
  const spent = (ofRepository: number, ofPool: number): Scene => ({
    pod: rejectedPod,
    retry: { spent: () => ({ ofRepository, ofPool }) },
  })

  it('ends a job that it has no attempt left for, with the reason of the loss', () => {
    expect(saidBy(plan(spent(19, 99)))).to.match(/^Queued Retrying/)
    expect(saidBy(plan(spent(20, 20)))).to.equal(
      'Failed RetryBudgetSpent: Unschedulable: OutOfcpu; RunnerPool pool had 20 further attempts for this repository ' +
        'within 3600 s, as many as its budget allows',
    )
    expect(saidBy(plan(spent(0, 100)))).to.equal(
      'Failed RetryBudgetSpent: Unschedulable: OutOfcpu; RunnerPool pool had 100 further attempts within 3600 s, as ' +
        'many as its budget allows',
    )
  })

  it('is counted only for a job that would be tried again', () => {
    const counted = { spent: () => expect.fail('counted') }
    plan({ pod: failed({}, aContainer(ended(1))), retry: counted })
    plan({ pod: aPod(), retry: counted })
  })

  it('counts the attempts of its own pool within the window, by repository', () => {
    const of = (repository: string, ...attempts: ReturnType<typeof attempt>[]) =>
      aJob({ spec: { repository }, status: { attempts } })
    const jobs = [
      of('owner/repo', attempt(1, { endedAt: stamp(99) }), attempt(2, { endedAt: stamp(100) })),
      of('Owner/Repo', attempt(1, { endedAt: stamp(101), poolName: 'other' }), attempt(2, { endedAt: stamp(150) })),
      of('owner/other', attempt(1, { endedAt: stamp(150) })),
      aJob(),
    ]
    const counted = spentSince(jobs, { poolName: 'pool', repository: 'owner/repo', since: at(100) })
    expect(counted).to.deep.equal({ ofRepository: 2, ofPool: 3 })
  })
})

describe('the rules of a pool', () => {
  it('have defaults for all that it does not set, also where an older definition stored it', () => {
    const { on, ...rules } = retryRulesOf(aPool())
    expect([...on]).to.deep.equal([])
    const budget = { windowSeconds: 3600, perRepository: 20, perPool: 100 }
    expect(rules).to.deep.equal({ poolName: 'pool', maxAttempts: 3, backoffSeconds: 10, ...budget })
  })
})

describe('the pause before an attempt', () => {
  it('doubles up to ten minutes, with up to half of it added at random', () => {
    const pauses = [2, 3, 4, 9].map((number) => backoffMs({ backoffSeconds: 10 }, number, 0))
    expect(pauses).to.deep.equal([10_000, 20_000, 40_000, 600_000])
    expect(backoffMs({ backoffSeconds: 10 }, 2, 0.999)).to.equal(14_995)
  })
})

describe('a job that is tried again', () => {
  const waiting = aJob({
    status: { reason: 'Retrying', message: 'soon', attempts: [attempt(1)], nextAttemptAt: stamp(30) },
  })
  const none = { runner: undefined }

  it('waits for the end of the pause', () => {
    expect(plan({ job: waiting, ...none, admission: { is: 'admitted' }, seconds: 29 })).to.deep.equal({
      acts: [],
      requeueAfterMs: 1000,
    })
  })

  it('waits until the pod of the last attempt is gone, and says so', () => {
    const previous = podState(aPod({ status: podStatus('Failed', killed) }))
    const planned = plan({ job: waiting, ...none, previous, seconds: 31 })
    expect(saidBy(planned)).to.equal('Queued Retrying: the next attempt waits until pod job-1 of the last one is gone')
    expect(planned).to.deep.include({ isTransient: true, acts: [] })
    expect(planned.status?.nextAttemptAt).to.equal(stamp(30))
  })

  it('goes into the queue if the API server has that pod no more', () => {
    const planned = plan({ job: waiting, ...none, previous: { is: 'absent' }, seconds: 30 })
    expect(planned).to.deep.include({ needsPreviousGone: true, acts: [] })
    const { nextAttemptAt: _, ...status } = waiting.status
    const attempts = [{ ...attempt(1), requeuedAt: at(30).toISOString() }]
    expect(planned.status).to.deep.equal({ ...status, attempts })
  })

  it('can be cancelled meanwhile, and its queue has a limit that counts from the end of the attempt', () => {
    const cancelled = { ...waiting, spec: { ...waiting.spec, cancel: true } }
    expect(plan({ job: cancelled, ...none, seconds: 25 }).status).to.deep.include({ phase: 'Cancelled' })
    const limited = { ...waiting, spec: { ...waiting.spec, timeoutSeconds: 100 } }
    expect(plan({ job: limited, ...none, previous: podState(aPod()), seconds: 119 }).status?.phase).to.equal('Queued')
    const over = plan({ job: limited, ...none, previous: podState(aPod()), seconds: 120 }).status
    expect(over).to.deep.include({ phase: 'Failed', reason: 'JobTimeout' }).and.not.have.property('nextAttemptAt')
  })

  it('has the times of its new attempt, not before the end of the last one', () => {
    const { nextAttemptAt: _, ...status } = waiting.status
    const job = { ...waiting, status }
    const runner = aRunner({ job, metadata: { creationTimestamp: stamp(40) } })
    const pod = aPod({ runner, status: podStatus('Running', aContainer({ running: { startedAt: stamp(41) } })) })
    const started = plan({ job, runner, pod, seconds: 50 }).status
    expect(started).to.deep.include({ assignedAt: at(40).toISOString(), startedAt: at(41).toISOString() })
    const early = aPod({ runner, status: podStatus('Running', aContainer(running)) })
    const clamped = plan({ job, runner: aRunner({ job }), pod: early, seconds: 50 }).status
    expect(clamped).to.deep.include({ assignedAt: at(20).toISOString(), startedAt: at(20).toISOString() })
  })
})

function attempt(number: number, given: object = {}) {
  return { number, poolName: 'pool', reason: 'Evicted', message: 'evicted', endedAt: stamp(20), ...given }
}

function podAt(job: RunnerJob, reason: string): Pod {
  return aPod({ runner: aRunner({ job }), status: { phase: 'Failed', reason, message: reason } })
}
