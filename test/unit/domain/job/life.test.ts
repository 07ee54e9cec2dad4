import { expect } from 'chai'
import { array, assert, constantFrom, integer, oneof, property, record } from 'fast-check'
import type { ContainerStatus, Pod, PodStatus } from '../../../../src/api/pod.ts'
import type { RunnerJob, RunnerJobStatus } from '../../../../src/api/runner-job.ts'
import type { Runner } from '../../../../src/api/runner.ts'
import { isFinal, mayMove } from '../../../../src/domain/job/phases.ts'
import { type JobAct, planJob } from '../../../../src/domain/job/plan.ts'
import { runsOnProxy, planReport } from '../../../../src/domain/job/report.ts'
import { podState } from '../../../../src/domain/pod/state.ts'
import { planRunner } from '../../../../src/domain/runner/plan.ts'
import { aContainer, aJob, aPod, aRunner, at, ended, running, stamp } from '../../../objects/builders.ts'

// One job, its Runner and its pod, with a kubelet that may report anything in any order, users who cancel and delete,
// and an operator that reconciles now and then, sometimes with an outdated pod.

type Step =
  | {
      is:
        | 'look'
        | 'look at the Runner'
        | 'let in'
        | 'take over'
        | 'cancel'
        | 'lose the proxy'
        | 'delete pod'
        | 'delete Runner'
        | 'pod goes'
    }
  | Report
type Report = { is: 'report'; phase: string; reason: string; container: ContainerStatus | undefined } | Wait
type Wait = { is: 'wait'; seconds: number }

const reasonsToStop = ['CancelRequested', 'ProxyLost']

const containers = [
  undefined,
  aContainer({ waiting: { reason: 'ContainerCreating' } }),
  aContainer({ waiting: { reason: 'ImagePullBackOff' } }),
  aContainer(running),
  aContainer(ended(0)),
  aContainer(ended(1, { startedAt: stamp(-50), finishedAt: stamp(-40) })),
  aContainer(ended(137, { reason: 'OOMKilled', finishedAt: stamp(500) })),
  aContainer({ terminated: { exitCode: 137, reason: 'ContainerStatusUnknown', startedAt: null, finishedAt: null } }),
]

const simple = constantFrom(
  'look',
  'look',
  'look',
  'look at the Runner',
  'let in',
  'take over',
  'cancel',
  'lose the proxy',
  'delete pod',
  'delete Runner',
  'pod goes',
)
const report = record({
  is: constantFrom('report' as const),
  phase: constantFrom('Pending', 'Running', 'Succeeded', 'Failed'),
  reason: constantFrom('', 'Evicted', 'NodeLost', 'DeadlineExceeded'),
  container: constantFrom(...containers),
})
const wait = record({ is: constantFrom('wait' as const), seconds: integer({ min: 0, max: 100 }) })
const step = oneof(
  simple.map((is): Step => ({ is })),
  report,
  wait,
)

class World {
  job: RunnerJob
  runner: Runner | undefined
  pod: Pod | undefined
  oldPod: Pod | undefined
  podsMade = 0
  seconds = 0
  admitted = false
  proxyLostAt: Date | undefined

  constructor(timeoutSeconds: number) {
    this.job = aJob({ spec: { timeoutSeconds, delegatedAt: at(0.4).toISOString() } })
  }

  take(next: Step): void {
    switch (next.is) {
      case 'look':
        return this.look(this.pod)
      case 'look at the Runner':
        return this.lookAtRunner(this.oldPod)
      case 'let in':
        this.admitted = true
        return undefined
      case 'cancel':
        this.job = { ...this.job, spec: { ...this.job.spec, cancel: true } }
        return undefined
      case 'lose the proxy':
        this.proxyLostAt = at(this.seconds)
        return undefined
      case 'take over':
        return this.takeOver()
      case 'delete pod':
        return this.deletePod()
      case 'delete Runner':
        this.runner = undefined
        return this.deletePod()
      case 'pod goes':
        return this.removePod()
      case 'wait':
        this.seconds += next.seconds
        return undefined
      case 'report':
        return this.report(next)
      default:
        return next satisfies never
    }
  }

  look(pod: Pod | undefined): void {
    const { job, runner } = this
    const plan = planJob({
      job,
      runner,
      pod: podState(pod),
      admission: this.admitted ? { is: 'admitted' } : { is: 'waiting', reason: 'PoolFull', message: 'full' },
      proxyLostAt: this.proxyLostAt,
      finishedPodTtlMs: 60_000,
      startTroubleMs: 60_000,
      now: at(this.seconds),
    })
    if (plan.requeueAfterMs !== undefined) expect(plan.requeueAfterMs).to.be.within(1, Number.MAX_SAFE_INTEGER)
    if (plan.status !== undefined) this.write(plan.status)
    for (const act of plan.acts) this.perform(act)
    this.oldPod = pod
  }

  write(status: RunnerJobStatus): void {
    const was = this.job.status
    expect(mayMove(was.phase, status.phase), `${was.phase} to ${status.phase}`).to.equal(true)
    expect(isFinal(was.phase), 'a finished job was written').to.equal(false)
    const { assignedAt, startedAt, completedAt } = status
    const times = [this.job.spec.delegatedAt, assignedAt, startedAt, completedAt].filter((time) => time !== undefined)
    expect(times).to.deep.equal(times.toSorted())
    expect(completedAt !== undefined).to.equal(isFinal(status.phase))
    for (const known of ['assignedAt', 'startedAt', 'podUID', 'runnerRef'] as const) {
      if (was[known] !== undefined) expect(status[known], known).to.deep.equal(was[known])
    }
    this.job = { ...this.job, status }
  }

  perform(act: JobAct): void {
    switch (act) {
      case 'create-runner':
        expect(this.admitted).to.equal(true)
        this.runner ??= aRunner({ job: this.job, metadata: { creationTimestamp: stamp(this.seconds) } })
        return undefined
      case 'cancel-pod':
        expect(this.job.status.reason, 'a pod was stopped before its job said so').to.be.oneOf(reasonsToStop)
        if (this.pod !== undefined) this.pod = { ...this.pod, spec: { ...this.pod.spec, activeDeadlineSeconds: 1 } }
        return undefined
      case 'expire-pod':
        expect(isFinal(this.job.status.phase), 'a pod was released before its outcome was stored').to.equal(true)
        if (this.pod !== undefined) {
          const { metadata, spec } = this.pod
          const deadline = { ...spec, activeDeadlineSeconds: 1 }
          this.pod = { ...this.pod, metadata: { ...metadata, finalizers: [] }, spec: deadline }
        }
        return undefined
      case 'stop-pod':
        return this.deletePod()
      case 'release-pod':
        expect(
          isFinal(this.job.status.phase) || runsOnProxy(this.job, this.runner, podState(this.pod)),
          'a pod was released before its outcome was stored',
        ).to.equal(true)
        if (this.pod !== undefined) this.pod = { ...this.pod, metadata: { ...this.pod.metadata, finalizers: [] } }
        return undefined
      case 'delete-runner':
        this.runner = undefined
        return this.deletePod()
      case 'delete-job':
        return undefined
      default:
        return act satisfies never
    }
  }

  lookAtRunner(pod: Pod | undefined): void {
    if (this.runner === undefined) return
    const { runner, job } = this
    const now = at(this.seconds)
    const plan = planRunner({ runner, job, pod: podState(pod), startTroubleMs: 60_000, now })
    if (plan.status !== undefined) this.runner = { ...this.runner, status: plan.status }
    // An existing pod has the same name, so the create conflicts.
    if (plan.act === 'delete-runner') {
      expect(runsOnProxy(job, runner, podState(pod)), 'its Runner was taken from a job').to.equal(true)
      return this.take({ is: 'delete Runner' })
    }
    if (plan.act === 'create-pod' && this.pod === undefined) {
      expect(job.status.reported, 'a pod was made for a job that runs elsewhere').to.equal(undefined)
      this.podsMade += 1
      this.pod = aPod({ runner: this.runner, metadata: { uid: `pod-${this.podsMade}` } })
    }
  }

  takeOver(): void {
    const plan = planReport(this.job, this.runner, { phase: 'Running', runnerId: 'proxy' }, at(this.seconds))
    if (plan.is === 'write') this.write(plan.status)
  }

  report({ phase, reason, container }: Report & { is: 'report' }): void {
    if (this.pod === undefined) return
    const status: PodStatus = { phase, reason, ...(container !== undefined && { containerStatuses: [container] }) }
    this.pod = { ...this.pod, status }
  }

  deletePod(): void {
    if (this.pod === undefined || this.pod.metadata.deletionTimestamp !== undefined) return
    const deletion = { deletionTimestamp: stamp(this.seconds + 30), deletionGracePeriodSeconds: 30 }
    this.pod = { ...this.pod, metadata: { ...this.pod.metadata, ...deletion } }
  }

  /** Like the API server: deletes only after the finalizer is removed. */
  removePod(): void {
    const { metadata } = this.pod ?? {}
    if (metadata?.deletionTimestamp !== undefined && metadata.finalizers?.length === 0) this.pod = undefined
  }
}

describe('the life of a job, for any order of events', () => {
  const lives = property(
    array(step, { maxLength: 60, size: 'max' }),
    integer({ min: 1, max: 300 }),
    (steps, timeoutSeconds) => {
      const world = new World(timeoutSeconds)
      for (const each of steps) world.take(each)
      // At the end, all reconcile once more, long after every limit.
      world.take({ is: 'wait', seconds: 100_000 })
      world.look(world.pod)
      expect(isFinal(world.job.status.phase), `not over: ${world.job.status.phase}`).to.equal(true)
      world.lookAtRunner(undefined)
      expect(world.podsMade).to.be.at.most(1)
    },
  )

  it('goes one way only, with times in order, at most one pod, and an end', () => assert(lives, { numRuns: 2000 }))
})
