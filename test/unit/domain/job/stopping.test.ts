import { expect } from 'chai'
import { MODE_LABEL } from '../../../../src/api/names.ts'
import type { Pod, PodStatus } from '../../../../src/api/pod.ts'
import type { RunnerJob } from '../../../../src/api/runner-job.ts'
import type { Runner } from '../../../../src/api/runner.ts'
import { type JobPlan, planJob } from '../../../../src/domain/job/plan.ts'
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

const runner = aRunner({ status: { phase: 'Busy', podUID: 'job-1-pod-uid' } })
const place = { runnerRef: { name: 'job-1', uid: 'job-1-uid' }, podUID: 'job-1-pod-uid', startedAt: stamp(10) }
const requested = aJob({ spec: { cancel: true }, status: { phase: 'Running', reason: 'Running', ...place } })
const stopping = aJob({ spec: { cancel: true }, status: { phase: 'Running', reason: 'CancelRequested', ...place } })

function plan(
  job: RunnerJob,
  pod: Pod | undefined,
  { now = 20, of = runner, proxyLostAt }: { now?: number; of?: Runner | 'none'; proxyLostAt?: Date } = {},
) {
  const settings = { finishedPodTtlMs: 600_000, startTroubleMs: 60_000 }
  const admission = { is: 'next', message: '' } as const
  return planJob({
    job,
    runner: of === 'none' ? undefined : of,
    pod: podState(pod),
    admission,
    proxyLostAt,
    ...settings,
    now: at(now),
  })
}

/** What a plan makes of the job, and of its pod. */
function verdict({ status, acts }: JobPlan): string {
  const { phase, reason, result = '-', exitCode = '-' } = status ?? {}
  return [phase, reason, result, exitCode, acts.join(',')].join(' | ')
}

const keptRunning = 'Running | CancelRequested | - | - | '
const deadline = {
  reason: 'DeadlineExceeded',
  message: 'Pod was active on the node longer than the specified deadline',
}

function expiring(
  status: PodStatus,
  { isWorker = false, ...metadata }: Partial<Pod['metadata']> & { isWorker?: boolean } = {},
): Pod {
  const pod = aPod({ status, metadata })
  const labels = { ...pod.metadata.labels, ...(isWorker && { [MODE_LABEL]: 'Worker' }) }
  return { ...pod, metadata: { ...pod.metadata, labels }, spec: { ...pod.spec, activeDeadlineSeconds: 1 } }
}

/** A pod that its deadline ended. */
function stopped(code: number, isWorker = false): Pod {
  return expiring({ ...podStatus('Failed', aContainer(ended(code))), ...deadline }, { isWorker })
}

describe('a cancelled job', () => {
  it('without a pod is Cancelled at once', () => {
    const job = aJob({ spec: { cancel: true } })
    expect(verdict(plan(job, undefined, { of: 'none' }))).to.equal('Cancelled | CancelRequested | - | - | ')
    const unplaced = aPod({ status: { phase: 'Pending' } })
    const pending = { ...unplaced, spec: {} }
    expect(verdict(plan(job, pending, { of: aRunner() }))).to.equal('Cancelled | CancelRequested | - | - | ')
  })

  it('is Running with reason CancelRequested until its pod has ended, and stops the pod once', () => {
    const pod = aPod({ status: podStatus('Running', aContainer(running)) })
    expect(verdict(plan(requested, pod))).to.equal(`${keptRunning}cancel-pod`)
    expect(verdict(plan(stopping, pod))).to.equal(`${keptRunning}cancel-pod`)
    expect(verdict(plan(stopping, expiring(podStatus('Running', aContainer(running)))))).to.equal(keptRunning)
    const deleted = aPod({ metadata: deletedAt(15), status: podStatus('Running', aContainer(running)) })
    expect(verdict(plan(stopping, deleted))).to.equal(keptRunning)
  })

  it('is so while the kubelet still starts its pod', () => {
    const pod = aPod({ status: podStatus('Pending', aContainer({ waiting: { reason: 'ContainerCreating' } })) })
    const job = aJob({ spec: { cancel: true }, status: { phase: 'Assigned' } })
    const placed = { ...pod, spec: { ...pod.spec, nodeName: 'node' } }
    expect(verdict(plan(job, placed, { of: aRunner() }))).to.equal(`${keptRunning}cancel-pod`)
  })

  it('is Running until the whole pod has ended, its side-cars too', () => {
    const containers = [aContainer(ended(100)), aContainer(running, 'docker')]
    expect(verdict(plan(stopping, expiring(podStatus('Running', ...containers), { isWorker: true })))).to.equal(
      keptRunning,
    )
  })

  const ends: readonly [string, Pod | undefined, string][] = [
    [
      'what its runner reported, if that finished in time',
      stopped(100, true),
      'Completed | Succeeded | Succeeded | 100',
    ],
    ['what its runner reported, if the job failed', stopped(102, true), 'Failed | ExitCode | Failed | 102'],
    ['Cancelled by its runner', stopped(103, true), 'Cancelled | CancelRequested | Canceled | 103'],
    ['Cancelled, if its runner was killed', stopped(137, true), 'Cancelled | CancelRequested | - | 137'],
    ['Cancelled, if a container without a runner exits with 0', stopped(0), 'Cancelled | CancelRequested | - | 0'],
    ['Cancelled, if it was killed', stopped(137), 'Cancelled | CancelRequested | - | 137'],
    [
      'what its pod did, if that had ended before the request',
      expiring(podStatus('Succeeded', aContainer(ended(0)))),
      'Completed | Succeeded | - | 0',
    ],
    [
      'Cancelled, if its pod had to be deleted',
      aPod({
        metadata: deletedAt(15),
        status: podStatus('Running', aContainer(ended(143, { finishedAt: stamp(18) }))),
      }),
      'Cancelled | CancelRequested | - | 143',
    ],
    ['Cancelled, if its pod is gone', undefined, 'Cancelled | CancelRequested | - | -'],
  ]
  for (const [what, pod, expected] of ends) {
    it(`ends as ${what}`, () => {
      expect(verdict(plan(stopping, pod))).to.satisfy((text: string) => text.startsWith(`${expected} | `))
    })
  }

  it('is not stopped twice: once it is over, its pod with the deadline is let go and keeps its log', () => {
    const over = aJob({ status: { ...place, phase: 'Cancelled', reason: 'CancelRequested', completedAt: stamp(19) } })
    expect(plan(over, expiring(podStatus('Running', aContainer(running)))).acts).to.deep.equal(['release-pod'])
  })

  it('is Cancelled an hour after its limit, if no kubelet answers', () => {
    const job = { ...stopping, spec: { ...stopping.spec, timeoutSeconds: 60 } }
    const pod = expiring(podStatus('Running', aContainer(running)))
    expect(verdict(plan(job, pod, { now: 3600 }))).to.equal(keptRunning)
    expect(verdict(plan(job, pod, { now: 3670 }))).to.equal('Cancelled | CancelRequested | - | - | ')
  })
})

describe('a handed-over job whose proxy runner is lost', () => {
  const message = { id: 'a', parts: 1 }
  const spec = { message, runnerName: 'proxy-1' }
  const job = aJob({ spec, status: { phase: 'Running', reason: 'Running', ...place } })
  const lost = aJob({ spec, status: { phase: 'Running', reason: 'ProxyLost', ...place } })
  const pod = aPod({ status: podStatus('Running', aContainer(running)) })

  it('is looked at again when that is so, and stops its pod then', () => {
    const before = plan(job, pod, { proxyLostAt: at(25) })
    expect([before.status?.reason, before.requeueAfterMs]).to.deep.equal(['Running', 5000])
    expect(verdict(plan(job, pod, { proxyLostAt: at(20) }))).to.equal('Running | ProxyLost | - | - | cancel-pod')
  })

  it('goes on to stop, even if the proxy runner is heard of again', () => {
    expect(verdict(plan(lost, expiring(podStatus('Running', aContainer(running)))))).to.equal(
      'Running | ProxyLost | - | - | ',
    )
  })

  it('has failed for that, unless its runner reported a result in time', () => {
    expect(verdict(plan(lost, stopped(137, true)))).to.match(/^Failed \| ProxyLost \| - \| 137/)
    expect(verdict(plan(lost, stopped(103, true)))).to.match(/^Failed \| ProxyLost \| Canceled \| 103/)
    expect(verdict(plan(lost, stopped(100, true)))).to.match(/^Completed \| Succeeded \| Succeeded \| 100/)
  })

  it('has failed at once while it has no pod', () => {
    const queued = plan(aJob({ spec }), undefined, { of: 'none', proxyLostAt: at(20) })
    expect(verdict(queued)).to.equal('Failed | ProxyLost | - | - | ')
    expect(queued.status?.message).to.equal(
      'proxy runner proxy-1 missed three heartbeats, so nobody waits for the result',
    )
  })
})
