import { expect } from 'chai'
import type { RunnerJob } from '../../../../src/api/runner-job.ts'
import { statusAfter } from '../../../../src/domain/job/status.ts'
import { aJob, aRunner, at, stamp } from '../../../objects/builders.ts'

const facts = {
  name: 'pod',
  uid: 'pod-uid',
  isDeleting: false,
  hasOutcomeFinalizer: true,
  containersTerminated: false,
  isTerminal: false,
}
const done = { phase: 'Completed', reason: 'Succeeded', message: 'exit code 0', exitCode: 0 } as const
const runs = { phase: 'Running', reason: 'Running', message: 'runs' } as const
const waits = { phase: 'Queued', reason: 'PoolFull', message: 'full' } as const

describe('the queue position in a status', () => {
  const move = (job: RunnerJob, queuePosition?: number) =>
    statusAfter(job, { ...waits, ...(queuePosition !== undefined && { queuePosition }) }, {}, at(1)).queuePosition

  it('is the first that is known, and later one that has passed a power of two', () => {
    const first = aJob()
    expect(move(first, 12)).to.equal(12)
    const known = aJob({ status: { queuePosition: 12 } })
    expect([move(known, 9), move(known, 8), move(known, 40)]).to.deep.equal([12, 8, 12])
  })

  it('is gone when the job does not wait in a queue any more', () => {
    const known = aJob({ status: { queuePosition: 12 } })
    expect(move(known)).to.equal(undefined)
    const running = statusAfter(known, { phase: 'Running', reason: 'Running', message: '' }, {}, at(1))
    expect(running).to.not.have.property('queuePosition')
  })
})

describe('what a job had requested', () => {
  const pod = { ...facts, boundAt: stamp(10), requests: { cpuMillicores: 250, memoryBytes: 3 * 2 ** 29 } }
  const after = (move: Parameters<typeof statusAfter>[1], job = aJob(), where = { pod }) =>
    statusAfter(job, move, where, at(100)).requested

  it('is what its pod asked for, times the time from its binding to the end', () => {
    expect(after({ ...done, finishedAt: stamp(20) })).to.deep.equal({
      cpuMillicoreSeconds: 2500,
      memoryMebibyteSeconds: 15_360,
    })
    expect(after({ phase: 'Failed', reason: 'NodeLost', message: '' }), 'no end is known').to.deep.equal({
      cpuMillicoreSeconds: 22_500,
      memoryMebibyteSeconds: 138_240,
    })
  })

  it('is unknown before the end, and if no pod of it held a node', () => {
    expect(after(runs)).to.equal(undefined)
    expect(after(waits)).to.equal(undefined)
    expect(statusAfter(aJob(), done, { pod: facts }, at(100))).to.not.have.property('requested')
    expect(statusAfter(aJob(), done, {}, at(100))).to.not.have.property('requested')
  })

  it('is not negative, whatever clocks say', () => {
    const nothing = { cpuMillicoreSeconds: 0, memoryMebibyteSeconds: 0 }
    expect(after({ ...done, finishedAt: stamp(5) })).to.deep.equal(nothing)
  })

  it('has all attempts in it', () => {
    const requested = { cpuMillicoreSeconds: 100, memoryMebibyteSeconds: 10 }
    const again = aJob({ status: { phase: 'Running', requested } })
    expect(after({ ...done, finishedAt: stamp(20) }, again)).to.deep.equal({
      cpuMillicoreSeconds: 2600,
      memoryMebibyteSeconds: 15_370,
    })
    expect(statusAfter(again, done, {}, at(100)).requested, 'without a pod').to.deep.equal(requested)
    expect(after(runs, again), 'meanwhile').to.deep.equal(requested)
  })
})

describe('the status after a move', () => {
  it('cannot be one that the state table forbids', () => {
    const job = aJob({ status: { phase: 'Failed' } })
    expect(() => statusAfter(job, done, {}, at(0))).to.throw('a Failed job cannot become Completed')
  })

  it('has times in order although the kubelet’s are whole seconds', () => {
    const job = aJob({ spec: { delegatedAt: at(10.9).toISOString() } })
    const runner = aRunner({ job, metadata: { creationTimestamp: stamp(10) } })
    const finished = { ...done, finishedAt: stamp(10) }
    const { assignedAt, startedAt, completedAt } = statusAfter(
      job,
      finished,
      { runner, pod: { ...facts, startedAt: stamp(10) } },
      at(12),
    )
    const delegated = at(10.9).toISOString()
    expect([assignedAt, startedAt, completedAt]).to.deep.equal([delegated, delegated, delegated])
  })

  it('keeps the first known time of each step', () => {
    const job = aJob({ status: { phase: 'Running', assignedAt: stamp(1), startedAt: stamp(2) } })
    const later = {
      runner: aRunner({ metadata: { creationTimestamp: stamp(5) } }),
      pod: { ...facts, startedAt: stamp(6) },
    }
    expect(statusAfter(job, done, later, at(9))).to.include({
      assignedAt: stamp(1),
      startedAt: stamp(2),
      completedAt: at(9).toISOString(),
    })
  })

  it('has no times of steps that did not happen', () => {
    const cancelled = { phase: 'Cancelled', reason: 'CancelRequested', message: '' } as const
    const status = statusAfter(aJob(), cancelled, {}, at(9))
    expect(status)
      .to.include({ completedAt: at(9).toISOString() })
      .and.not.have.any.keys('assignedAt', 'startedAt')
    expect(statusAfter(aJob(), waits, {}, at(9))).to.not.have.any.keys('assignedAt', 'startedAt', 'completedAt')
  })

  it('does not take its times from a delegation that is dated later than now', () => {
    const job = aJob({ spec: { delegatedAt: '9999-12-31T23:59:59-23:59' } })
    const running = statusAfter(job, runs, { runner: aRunner() }, at(3))
    expect(running.assignedAt).to.equal(at(3).toISOString())
    const over = statusAfter(aJob({ spec: job.spec, status: running }), done, {}, at(9))
    expect(over).to.include({ assignedAt: at(3).toISOString(), completedAt: at(9).toISOString() })
  })

  it('does not take its times from a node whose clock is ahead', () => {
    const where = { runner: aRunner(), pod: { ...facts, startedAt: stamp(3000) } }
    const { startedAt, completedAt } = statusAfter(aJob(), { ...done, finishedAt: stamp(3010) }, where, at(9))
    expect([startedAt, completedAt]).to.deep.equal([at(9).toISOString(), at(9).toISOString()])
  })

  it('keeps its first Runner', () => {
    const runnerRef = { name: 'job-1', uid: 'first' }
    const job = aJob({ status: { phase: 'Assigned', runnerRef } })
    expect(statusAfter(job, runs, { runner: aRunner() }, at(1)).runnerRef).to.deep.equal(runnerRef)
  })

  it('keeps the facts of the pod once the pod is gone', () => {
    const where = { podName: 'pod', podUID: 'uid', nodeName: 'node', containerId: 'c' }
    const job = aJob({ status: { phase: 'Running', ...where } })
    const lost = { phase: 'Failed', reason: 'PodDeleted', message: 'its pod is gone' } as const
    expect(statusAfter(job, lost, {}, at(1))).to.include(where)
  })

  it('is cut to the CRD’s limit', () => {
    const { message, conditions } = statusAfter(aJob(), { ...waits, message: 'x'.repeat(5000) }, {}, at(1))
    expect(message).to.have.length(1024)
    expect(conditions?.[0]?.message).to.have.length(1024)
  })

  it('names the generation that it was computed from', () => {
    expect(statusAfter(aJob({ metadata: { generation: 7 } }), waits, {}, at(1)).observedGeneration).to.equal(7)
  })
})

describe('the conditions of a job', () => {
  const types = (status: ReturnType<typeof statusAfter>) => status.conditions?.map(({ type }) => type)

  it('show its waiting reason until it runs', () => {
    const waiting = statusAfter(aJob(), waits, {}, at(1))
    expect(types(waiting)).to.deep.equal(['Waiting'])
    expect(types(statusAfter(aJob({ status: waiting }), runs, {}, at(2)))).to.deep.equal([])
  })

  it('end with Complete for success and Failed for anything else, like those of a Kubernetes Job', () => {
    const waiting = aJob({ status: statusAfter(aJob(), waits, {}, at(1)) })
    expect(types(statusAfter(waiting, done, {}, at(2)))).to.deep.equal(['Complete'])
    for (const phase of ['Failed', 'Cancelled'] as const) {
      const status = statusAfter(waiting, { phase, reason: 'CancelRequested', message: '' }, {}, at(2))
      expect(types(status)).to.deep.equal(['Failed'])
    }
  })
})
