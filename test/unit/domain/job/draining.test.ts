import { expect } from 'chai'
import type { RunnerJob, RunnerJobStatus } from '../../../../src/api/runner-job.ts'
import { planJob } from '../../../../src/domain/job/plan.ts'
import { retryRulesOf } from '../../../../src/domain/job/retry-rules.ts'
import type { JobView } from '../../../../src/domain/job/view.ts'
import { podState } from '../../../../src/domain/pod/state.ts'
import {
  aContainer,
  aJob,
  aPod,
  aPool,
  aRunner,
  at,
  ended,
  podStatus,
  running,
  stamp,
} from '../../../objects/builders.ts'

const runs = aPod({ status: podStatus('Running', aContainer(running)) })
const stopped = aPod({ status: { ...podStatus('Failed', aContainer(ended(143))), reason: 'DeadlineExceeded' } })
const message = 'node node is being drained: drainDeadlineSeconds of RunnerPool pool is 60 s'
const seenAt = (seconds: number) => ({
  type: 'NodeDraining',
  status: 'True' as const,
  reason: 'NodeDraining',
  message,
  observedGeneration: 1,
  lastTransitionTime: at(seconds).toISOString(),
})

function jobThat(status: Partial<RunnerJobStatus> = {}, spec: Partial<RunnerJob['spec']> = {}): RunnerJob {
  const place = { runnerRef: { name: 'job-1', uid: 'job-1-uid' }, podName: 'job-1', podUID: 'job-1-pod-uid' }
  const facts = { phase: 'Running', reason: 'Running', message: 'runs in pod job-1', startedAt: stamp(10) } as const
  return aJob({ spec, status: { ...place, ...facts, assignedAt: stamp(5), poolName: 'pool', ...status } })
}

interface Scene extends Partial<Omit<JobView, 'pod' | 'job'>> {
  job?: RunnerJob
  pod?: typeof runs
  seconds?: number
  on?: 'Evicted'[]
}

function plan({ job = jobThat(), pod = runs, seconds = 20, on = [], ...given }: Scene) {
  const pool = aPool({ spec: { drainDeadlineSeconds: 60, retry: { maxAttempts: 3, reasons: on, backoffSeconds: 10 } } })
  return planJob({
    job,
    runner: aRunner({ job }),
    pod: podState(pod),
    pool,
    admission: { is: 'waiting', reason: 'PoolFull', message: 'full' },
    isDraining: true,
    retry: {
      rules: retryRulesOf(pool),
      random: 0,
      spent: () => ({ ofRepository: 0, ofPool: 0 }),
      hasMessage: true,
    },
    finishedPodTtlMs: 600_000,
    startTroubleMs: 60_000,
    now: at(seconds),
    ...given,
  })
}

describe('a job whose node is being drained', () => {
  it('shows since when, and is looked at again when its pool lets it run no longer', () => {
    const { status, acts, requeueAfterMs } = plan({})
    expect(status).to.deep.include({ phase: 'Running', reason: 'Running', conditions: [seenAt(20)] })
    expect(acts).to.deep.equal([])
    expect(requeueAfterMs).to.equal(60_000)
  })

  it('keeps that time, also over a restart of the operator', () => {
    const job = jobThat({ conditions: [seenAt(20)] })
    for (const isDraining of [true, undefined]) {
      const { status } = plan({ job, isDraining, seconds: 50 })
      expect(status?.conditions, String(isDraining)).to.deep.equal([seenAt(20)])
    }
    expect(plan({ job, seconds: 50 }).requeueAfterMs).to.equal(30_000)
  })

  it('is stopped at the deadline: its status says so first, and its pod has its grace period', () => {
    const job = jobThat({ conditions: [seenAt(20)] })
    expect(plan({ job, seconds: 79 }).acts).to.deep.equal([])
    const { status, acts } = plan({ job, seconds: 80 })
    expect(status).to.deep.include({
      phase: 'Running',
      reason: 'Drained',
      message: `${message}: pod job-1 has its grace period to end`,
    })
    expect(acts).to.deep.equal(['cancel-pod'])
  })

  it('fails with Drained after that, and shows no drain any more', () => {
    for (const isDraining of [true, false, undefined]) {
      const job = jobThat({ reason: 'Drained', conditions: [seenAt(20)] })
      const { status } = plan({ job, pod: stopped, isDraining, seconds: 90 })
      expect(status, String(isDraining)).to.include({ phase: 'Failed', reason: 'Drained', exitCode: 143 })
      expect(status?.message).to.equal(`${message} (exit code 143)`)
      expect(status?.conditions?.map(({ type }) => type)).to.deep.equal(['Failed'])
    }
  })

  it('has its own outcome if it ends before it is stopped', () => {
    const pod = aPod({ status: podStatus('Succeeded', aContainer(ended(0))) })
    const { status } = plan({ job: jobThat({ conditions: [seenAt(20)] }), pod, seconds: 90 })
    expect(status).to.include({ phase: 'Completed', reason: 'Succeeded' })
  })

  it('is tried again only where its pool tries evicted jobs again', () => {
    const job = jobThat({ reason: 'Drained', conditions: [seenAt(20)] })
    expect(plan({ job, pod: stopped, seconds: 90 }).status?.phase).to.equal('Failed')
    const { status } = plan({ job, pod: stopped, seconds: 90, on: ['Evicted'] })
    expect(status).to.include({ phase: 'Queued', reason: 'Retrying' })
    expect(status?.attempts?.[0]).to.include({ reason: 'Drained', exitCode: 143 })
    const handedOver = { ...job, spec: { ...job.spec, message: { id: 'a', parts: 1 } } }
    expect(plan({ job: handedOver, pod: stopped, seconds: 90, on: ['Evicted'] }).status?.phase).to.equal('Failed')
  })

  it('is not stopped once the drain is over, and then has its full time in the next one', () => {
    const job = jobThat({ conditions: [seenAt(20)] })
    const { status, acts } = plan({ job, isDraining: false, seconds: 90 })
    expect(acts).to.deep.equal([])
    expect(status).to.deep.include({ reason: 'Running', conditions: [] })
  })

  it('is not stopped while nobody knows whether the drain goes on, nor without a deadline of its pool', () => {
    const job = jobThat({ conditions: [seenAt(20)] })
    expect(plan({ job, isDraining: undefined, seconds: 90 }).acts).to.deep.equal([])
    for (const pool of [aPool(), undefined]) {
      const { status, acts } = plan({ job, pool, seconds: 90 })
      expect(acts).to.deep.equal([])
      expect(status).to.deep.include({ reason: 'Running', conditions: [] })
    }
  })

  it('is left alone until its container runs: an eviction may end it, and it is tried again', () => {
    const waiting = aPod({ status: podStatus('Pending', aContainer({ waiting: {} })) })
    const { status, acts } = plan({ job: aJob(), pod: waiting })
    expect(acts).to.deep.equal([])
    expect(status?.conditions?.map(({ type }) => type)).to.deep.equal(['Waiting'])
  })

  it('is cancelled if somebody asks for that', () => {
    const job = jobThat({ reason: 'Drained', conditions: [seenAt(20)] }, { cancel: true })
    expect(plan({ job, seconds: 81 }).status?.reason).to.equal('CancelRequested')
  })
})
