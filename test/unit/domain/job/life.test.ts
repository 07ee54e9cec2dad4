import { expect } from 'chai'
import { array, assert, constant, constantFrom, integer, oneof, option, property, record, subarray } from 'fast-check'
import { keyOf } from '../../../../src/api/object.ts'
import type { ContainerStatus, Pod, PodStatus } from '../../../../src/api/pod.ts'
import { type RetryCause, retryCauses } from '../../../../src/api/retry.ts'
import type { RunnerJob, RunnerJobStatus } from '../../../../src/api/runner-job.ts'
import type { RunnerPool } from '../../../../src/api/runner-pool.ts'
import type { Runner } from '../../../../src/api/runner.ts'
import { isFinal, mayMove } from '../../../../src/domain/job/phases.ts'
import { type JobAct, planJob } from '../../../../src/domain/job/plan.ts'
import { runsOnProxy, planReport } from '../../../../src/domain/job/report.ts'
import { type RetryRules, retryRulesOf } from '../../../../src/domain/job/retry-rules.ts'
import { startOf } from '../../../../src/domain/pod/job-container.ts'
import { podState } from '../../../../src/domain/pod/state.ts'
import { attemptAt, attemptOf } from '../../../../src/domain/runner/keys.ts'
import { planRunner } from '../../../../src/domain/runner/plan.ts'
import { aContainer, aJob, aPod, aPool, aRunner, at, ended, running, stamp } from '../../../objects/builders.ts'

// One job, its Runner and its pod, and those of further attempts, with a kubelet that may report anything in any order, users who cancel and delete,
// and an operator that reconciles now and then, sometimes with an outdated pod.

type Step =
  | {
      is:
        | 'look'
        | 'all look'
        | 'go on'
        | 'look at the Runner'
        | 'let in'
        | 'take over'
        | 'cancel'
        | 'delete pod'
        | 'delete Runner'
        | 'pod goes'
    }
  | Report
  | Outside
  | Wait
type Report = { is: 'report'; phase: string; reason: string; container: ContainerStatus | undefined }
/** What nobody asks the operator for. */
type Outside = { is: 'outside'; what: (typeof outside)[number] }
type Wait = { is: 'wait'; seconds: number }

const outside = ['the proxy is lost', 'the node is drained', 'the drain ends', 'nobody sees nodes'] as const

const reasonsToStop = ['CancelRequested', 'Drained', 'ProxyLost']

const unknown = { terminated: { exitCode: 137, reason: 'ContainerStatusUnknown', startedAt: null, finishedAt: null } }
const notFound = aContainer(unknown)

const containers = [
  undefined,
  aContainer({ waiting: { reason: 'ContainerCreating' } }),
  aContainer({ waiting: { reason: 'ImagePullBackOff' } }),
  aContainer(running),
  aContainer(ended(0)),
  aContainer(ended(1, { startedAt: stamp(-50), finishedAt: stamp(-40) })),
  aContainer(ended(137, { reason: 'OOMKilled', finishedAt: stamp(500) })),
  notFound,
]

const usual = constantFrom(
  'go on',
  'all look',
  'all look',
  'look',
  'look at the Runner',
  'let in',
  'pod goes',
  'pod goes',
)
const rare = constantFrom('take over', 'cancel', 'delete pod', 'delete Runner')
const report = record({
  is: constantFrom('report' as const),
  phase: constantFrom('Pending', 'Running', 'Succeeded', 'Failed'),
  reason: constantFrom('', 'Evicted', 'OutOfcpu', 'NodeLost', 'DeadlineExceeded'),
  container: constantFrom(...containers),
})
const surprise = record({ is: constantFrom('outside' as const), what: constantFrom(...outside) })
const wait = record({ is: constantFrom('wait' as const), seconds: integer({ min: 0, max: 100 }) })
const step = oneof(
  { weight: 10, arbitrary: usual.map((is): Step => ({ is })) },
  { weight: 1, arbitrary: rare.map((is): Step => ({ is })) },
  { weight: 1, arbitrary: surprise },
  { weight: 6, arbitrary: report },
  { weight: 3, arbitrary: wait },
)

interface Setting {
  timeoutSeconds: number
  maxAttempts: number
  on: RetryCause[]
  /** Its pool always has a free slot. */
  isRoomy: boolean
  /** How long its pool lets it run on a node that is being drained. */
  drainDeadlineSeconds: number | undefined
}

class World {
  job: RunnerJob
  runner: Runner | undefined
  pod: Pod | undefined
  oldPod: Pod | undefined
  podsMade = 0
  podsStarted = new Set<string>()
  podsEnded = new Set<string>()
  /** Runners of earlier attempts that their reconcile has not deleted yet. */
  pastRunners: Runner[] = []
  seconds = 0
  admitted = false
  proxyLostAt: Date | undefined
  isDraining: boolean | undefined = false
  /** Whether that was seen while it ran. */
  hasSeenDrain = false

  readonly pool: RunnerPool
  readonly rules: RetryRules
  readonly isRoomy: boolean

  constructor({ timeoutSeconds, maxAttempts, on, isRoomy, drainDeadlineSeconds }: Setting) {
    this.isRoomy = isRoomy
    this.admitted = isRoomy
    const retry = { maxAttempts, reasons: on, backoffSeconds: 10 }
    this.pool = aPool({ spec: { retry, ...(drainDeadlineSeconds !== undefined && { drainDeadlineSeconds }) } })
    this.rules = retryRulesOf(this.pool)
    this.job = aJob({ spec: { timeoutSeconds, delegatedAt: at(0.4).toISOString() } })
  }

  take(next: Step): void {
    switch (next.is) {
      case 'look':
        return this.look(this.pod)
      case 'all look':
        return this.allLook()
      case 'go on':
        return this.goOn()
      case 'look at the Runner':
        return this.lookAtRunner(this.oldPod)
      case 'let in':
        this.admitted = true
        return undefined
      case 'cancel':
        this.job = { ...this.job, spec: { ...this.job.spec, cancel: true } }
        return undefined
      case 'outside':
        return this.happen(next.what)
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

  happen(what: Outside['what']): void {
    switch (what) {
      case 'the proxy is lost':
        this.proxyLostAt = at(this.seconds)
        return undefined
      case 'the node is drained':
        this.isDraining = true
        return undefined
      case 'the drain ends':
        this.isDraining = false
        return undefined
      case 'nobody sees nodes':
        this.isDraining = undefined
        return undefined
      default:
        return what satisfies never
    }
  }

  allLook(): void {
    this.look(this.pod)
    this.lookAtPastPod()
    this.lookAtRunner(this.pod)
  }

  goOn(): void {
    this.seconds += 30
    this.allLook()
    this.removePod()
    this.allLook()
  }

  look(pod: Pod | undefined): void {
    const { job } = this
    const isPast = pod !== undefined && attemptAt(keyOf(pod)) < attemptOf(job)
    this.hasSeenDrain ||= this.isDraining === true && job.status.phase === 'Running'
    const plan = planJob({
      job,
      pool: this.pool,
      isDraining: this.isDraining,
      runner: this.runner?.spec.attempt === attemptOf(job) ? this.runner : undefined,
      pod: podState(isPast ? undefined : pod),
      previous: podState(isPast ? pod : undefined),
      retry: { rules: this.rules, random: 0.5, spent: () => ({ ofRepository: 0, ofPool: 0 }), hasMessage: false },
      admission: this.admitted ? { is: 'admitted' } : { is: 'waiting', reason: 'PoolFull', message: 'full' },
      proxyLostAt: this.proxyLostAt,
      finishedPodTtlMs: 60_000,
      startTroubleMs: 60_000,
      now: at(this.seconds),
    })
    if (plan.requeueAfterMs !== undefined) expect(plan.requeueAfterMs).to.be.within(1, Number.MAX_SAFE_INTEGER)
    // The API server is asked.
    if (plan.needsPreviousGone === true && this.pod !== undefined) return
    if (plan.status !== undefined) this.write(plan.status)
    for (const act of plan.acts) this.perform(act)
    this.oldPod = pod
  }

  write(status: RunnerJobStatus): void {
    const was = this.job.status
    if (status.reason === 'Drained') expect(this.mayBeDrained(was), 'a job was stopped for no drain').to.equal(true)
    expect(isFinal(was.phase), 'a finished job was written').to.equal(false)
    const isNext = (status.attempts?.length ?? 0) > (was.attempts?.length ?? 0)
    if (isNext) expect(status.phase).to.equal('Queued')
    else expect(mayMove(was.phase, status.phase), `${was.phase} to ${status.phase}`).to.equal(true)
    const { assignedAt, startedAt, completedAt } = status
    const times = [this.job.spec.delegatedAt, assignedAt, startedAt, completedAt].filter((time) => time !== undefined)
    expect(times).to.deep.equal(times.toSorted())
    expect(completedAt !== undefined).to.equal(isFinal(status.phase))
    for (const known of ['assignedAt', 'startedAt', 'podUID', 'runnerRef'] as const) {
      if (!isNext && was[known] !== undefined) expect(status[known], known).to.deep.equal(was[known])
    }
    // The waiting line lets it in anew.
    if (isNext) this.admitted = this.isRoomy
    this.job = { ...this.job, status }
  }

  /** Only after its status has shown the drain for as long as its pool allows; what was begun goes on. */
  mayBeDrained({ reason, conditions }: RunnerJobStatus): boolean {
    if (reason === 'Drained') return true
    const { drainDeadlineSeconds } = this.pool.spec
    const drain = conditions?.find(({ type }) => type === 'NodeDraining')
    if (!this.hasSeenDrain || drain === undefined || drainDeadlineSeconds === undefined) return false
    return Date.parse(drain.lastTransitionTime) + drainDeadlineSeconds * 1000 <= at(this.seconds).getTime()
  }

  perform(act: JobAct): void {
    switch (act) {
      case 'create-runner':
        expect(this.admitted).to.equal(true)
        return this.createRunner()
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

  createRunner(): void {
    const attempt = attemptOf(this.job)
    if (this.runner?.spec.attempt === attempt) return
    if (this.runner !== undefined) this.pastRunners.push(this.runner)
    const metadata = {
      name: `job-${attempt}`,
      uid: `job-${attempt}-uid`,
      creationTimestamp: stamp(this.seconds),
    }
    this.runner = aRunner({ job: this.job, spec: { attempt }, metadata })
  }

  /** As the reconcile of the pod: an attempt that is recorded needs its pod no more. */
  lookAtPastPod(): void {
    for (const runner of this.pastRunners) {
      const plan = planRunner({ runner, job: this.job, pod: podState(undefined), startTroubleMs: 60_000, now: at(0) })
      expect(plan).to.deep.equal({ act: 'delete-runner' })
    }
    this.pastRunners = []
    if (this.pod === undefined || attemptAt(keyOf(this.pod)) >= attemptOf(this.job)) return
    this.pod = { ...this.pod, metadata: { ...this.pod.metadata, finalizers: [] } }
    this.deletePod()
  }

  lookAtRunner(seen: Pod | undefined): void {
    if (this.runner === undefined) return
    const { runner, job } = this
    const pod = seen?.metadata.name === runner.metadata.name ? seen : undefined
    const now = at(this.seconds)
    const plan = planRunner({ runner, job, pod: podState(pod), startTroubleMs: 60_000, now })
    if (plan.status !== undefined) this.runner = { ...this.runner, status: plan.status }
    // An existing pod has the same name, so the create conflicts.
    if (plan.act === 'delete-runner' && runner.spec.attempt < attemptOf(job)) {
      this.runner = undefined
      return
    }
    if (plan.act === 'delete-runner') {
      expect(runsOnProxy(job, runner, podState(pod)), 'its Runner was taken from a job').to.equal(true)
      return this.take({ is: 'delete Runner' })
    }
    if (plan.act !== 'create-pod') return
    // One of the same name conflicts.
    if (this.pod === undefined || this.pod.metadata.name !== runner.metadata.name) {
      expect(this.pod, 'a pod was made while another one was there').to.equal(undefined)
      expect(job.status.reported, 'a pod was made for a job that runs elsewhere').to.equal(undefined)
      this.podsMade += 1
      this.pod = aPod({ runner: this.runner, metadata: { uid: `pod-${this.podsMade}` } })
      const isFirst = attemptOf(job) === 1
      if (!isFirst && this.rules.on.size === 0) expect(this.podsStarted.size, 'a job ran again').to.equal(0)
    }
  }

  takeOver(): void {
    const plan = planReport(this.job, this.runner, { phase: 'Running', runnerId: 'proxy' }, at(this.seconds))
    if (plan.is === 'write') this.write(plan.status)
  }

  report(given: Report): void {
    if (this.pod === undefined) return
    const { phase, reason, container: seen } = given
    const { uid } = this.pod.metadata
    const [hasEnded, hasStarted] = [this.podsEnded.has(uid), this.podsStarted.has(uid)]
    if (isImpossible(given, { hasEnded, hasStarted })) return
    if (phase === 'Succeeded' || phase === 'Failed') this.podsEnded.add(uid)
    // A kubelet remembers that a container which it finds no more used to run.
    const container = seen === notFound && this.podsStarted.has(uid) ? { ...seen, lastState: unknown } : seen
    const status: PodStatus = { phase, reason, ...(container !== undefined && { containerStatuses: [container] }) }
    this.pod = { ...this.pod, status }
    if (container !== undefined && startOf(container) !== undefined) this.podsStarted.add(uid)
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

/** Kubelets start no container of a pod that has ended, and neither forget one that ran nor reject its pod. */
function isImpossible({ reason, container }: Report, { hasEnded, hasStarted }: Record<string, boolean>): boolean {
  if (hasStarted !== true) return hasEnded === true && container !== undefined && startOf(container) !== undefined
  if (container === undefined) return reason === 'OutOfcpu'
  return container !== notFound && startOf(container) === undefined
}

describe('the life of a job, for any order of events', () => {
  const settings = record({
    timeoutSeconds: integer({ min: 1, max: 300 }),
    maxAttempts: integer({ min: 1, max: 3 }),
    on: oneof(constant<RetryCause[]>([]), subarray([...retryCauses])),
    isRoomy: constantFrom(true, true, false),
    drainDeadlineSeconds: option(integer({ min: 1, max: 200 }), { nil: undefined }),
  })
  const lives = property(array(step, { maxLength: 80, size: 'max' }), settings, (steps, setting) => {
    const world = new World(setting)
    for (const each of steps) world.take(each)
    // At the end, all reconcile once more, long after every limit.
    for (let left = setting.maxAttempts; left > 0; left -= 1) {
      world.take({ is: 'wait', seconds: 100_000 })
      world.look(world.pod)
    }
    expect(isFinal(world.job.status.phase), `not over: ${world.job.status.phase}`).to.equal(true)
    world.lookAtRunner(undefined)
    expect(world.podsMade).to.be.at.most(attemptOf(world.job))
    expect(attemptOf(world.job)).to.be.at.most(setting.maxAttempts)
  })

  it('goes one way only but for further attempts, with times in order, one pod at a time, and an end', () =>
    assert(lives, { numRuns: 2000 }))
})
